"""Act 1: from an empty home to a champion."""

from typing import Any

from regie.base.clock import DAY_MS, day, iso, parse_iso
from regie.cli.story.stage import MODEL, REPLAY_FROM, Stage


def first_release(here: Stage) -> None:
    """Check, apply, train; the gates and the rollout do the rest."""
    say, expect = here.screen.say, here.claims.expect
    here.ran("check")
    here.ran("apply")
    say("regie check, regie apply: the promises can be kept; the workspace exists")
    here.ran("pipeline", "run", "train", "--wait")
    here.until("version 1 is champion", lambda: (here.api.status()["champion"] or {}).get("version") == 1)
    here.until("its route is served", lambda: _served(here.api.status()["route"]))
    here.chronicle.look()
    first = here.version(1)
    types = [event["type"] for event in here.chronicle.events if event["subject"] == f"{MODEL}@1"]
    wanted = ["model.registered", "gates.passed", "champion.crowned"]
    in_order = [kind for kind in types if kind in wanted]
    expect("version 1 is registered, passes its gates, becomes champion, in this order", in_order == wanted, wanted, in_order)
    absolute = [one for one in first["evidence"] if "champion" not in one["gate"]]
    verdicts = {one["gate"]: one["verdict"] for one in absolute}
    expect("each absolute gate passed", set(verdicts.values()) == {"passed"}, "passed", verdicts)
    trained = int(first["seen_until_ms"])
    start = parse_iso(REPLAY_FROM)
    expect(
        "training never saw the holdout of 7 days",
        trained <= start - 8 * DAY_MS,
        f"until {iso(start - 8 * DAY_MS)}",
        iso(trained),
    )
    say(f"version 1 learned from flights up to {day(trained)}, passed {', '.join(verdicts)}, and is champion")


def _served(route: dict[str, Any] | None) -> bool:
    return bool(route and route["serving"] and all(one >= route["wanted"] for one in route["serving"].values()))

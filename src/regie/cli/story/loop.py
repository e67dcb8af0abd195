"""Acts 2 and 3: nobody goes without an answer, and the loop closes: breach, retraining, challenger, gates, stages, crown."""

import itertools

import numpy as np

from regie.base.clock import DAY_MS, day, iso, parse_iso
from regie.cli.story.chronicle import BREACH, FAILURE, PROMOTION, RETRAINING
from regie.cli.story.replay import Tally
from regie.cli.story.stage import REPLAY_FROM, Stage

CHAMPION_GATE, JUDGED_LOSS = "log_loss <= champion + 0.02", "judged.log_loss"
QUIET_DAYS = 14
SHARE = (0.03, 0.25)  # of a canary of 10 % on one day's requests
STAGES = ["canary", "full", "watch"]


def life(here: Stage, tally: Tally, sent: int) -> None:
    """Act 2: nobody who asked was left without an answer."""
    here.claims.expect("every flight of the year was asked for", tally.requests == sent, sent, tally.requests)
    here.claims.expect("no request failed", not tally.failures, "0 failed", f"{len(tally.failures)} failed: {tally.failures[:3]}")
    here.claims.expect("no run failed", not here.chronicle.count(FAILURE), "0 failed", here.chronicle.count(FAILURE))
    here.screen.say(f"{tally.requests:,} requests, none failed; {tally.labels:,} labels stated")


def closed_loop(here: Stage, tally: Tally, day_of_row: np.ndarray) -> int:
    """Act 3: one breach, one retraining, one challenger, one promotion. Returns a version promoted after a breach."""
    expect, events = here.claims.expect, here.chronicle
    expect("a monitor saw a breach", events.count(BREACH) > 0, "at least 1", events.count(BREACH))
    expect("at most 14 retrainings", 1 <= events.count(RETRAINING) <= 14, "1 to 14", events.count(RETRAINING))
    expect("a version was promoted after the first", events.count(PROMOTION) > 1, "at least 2", events.count(PROMOTION))
    told = _promoted_by_breach(here)
    expect("a promotion goes back to a breach", told is not None, "one at least", "none")
    assert told is not None
    version, run_id = told
    one_challenger(here, run_id)
    same_rows(here, version)
    judged_runs(here)
    _staged(here, version, tally, day_of_row)
    gaps = _quiet_stretches(here)
    expect(f"there are quiet stretches of {QUIET_DAYS} days and more", bool(gaps), "1 at least", len(gaps))
    here.screen.say(f"{len(gaps)} quiet stretches of {QUIET_DAYS} days and more; the longest {max(gaps)} days")
    return version


def _promoted_by_breach(here: Stage) -> tuple[int, str] | None:
    """The newest version whose chain of causes holds a breach before any other promotion, and the run that made it."""
    known = {event["id"]: event for event in here.chronicle.events}
    for crowned in reversed(here.chronicle.of("champion.crowned")):
        link, run_id = known.get(crowned["causationid"]), ""
        while link is not None and link["type"] != "champion.crowned":
            run_id = link["data"].get("run_id") or run_id
            if link["type"] == "quality.breached" and run_id:
                return int(crowned["data"]["version"]), run_id
            link = known.get(link["causationid"])
    return None


def one_challenger(here: Stage, run_id: str) -> None:
    """Two candidates of one retraining, one of which competes."""
    made = [one for one in here.versions() if one["run_id"] == run_id]
    windows = sorted(one["window"] for one in made)
    here.claims.expect("a retraining yields two candidates: all data, recent data", len(set(windows)) == 2, 2, windows)
    judged = [one["version"] for one in made if one["qualification"]]
    here.claims.expect("one of them becomes the challenger", len(judged) == 1, 1, judged)
    here.screen.say(f"one retraining made versions {', '.join(str(one['version']) for one in made)} ({', '.join(windows)}); "
                    f"version {judged[0]} became the challenger")  # fmt: skip


def same_rows(here: Stage, version: int) -> None:
    """Champion and challenger were judged on the same rows, which neither had seen."""
    found = [one for one in here.version(version)["evidence"] if one["gate"] == CHAMPION_GATE and one["verdict"] == "passed"]
    here.claims.expect(f"version {version} passed `{CHAMPION_GATE}` with evidence", bool(found), "1 at least", len(found))
    one = found[-1]
    seen = [int(here.version(number)["seen_until_ms"]) for number in (version, int(one["champion"]))]
    starts = int(one["holdout"]["from_ms"])
    here.claims.expect(
        "neither model had seen the rows", max(seen) <= starts, f"seen until {iso(starts)}", [iso(ms) for ms in seen]
    )
    here.screen.say(
        f"version {version} against champion {one['champion']} on the same {one['rows']:,} rows, {one['blocks']} days: "
        f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}], at most {one['champion_value']:.4f} + 0.02: passed"
    )


def judged_runs(here: Stage) -> None:
    """What the gates measured stands with the runs, though no step logs anything: the page Runs sorts them by it."""
    wanted = {
        one["run_id"]: found["value"]
        for one in here.versions()
        for found in one["evidence"]
        if found["gate"].startswith("log_loss ") and found["value"] is not None
    }
    asked = {"filter": f"metrics.{JUDGED_LOSS} > 0", "sort": f"m.{JUDGED_LOSS}", "columns": f"m.{JUDGED_LOSS}", "limit": 200}
    rows = here.api.mapping("GET", "/api/v1/pages/runs", params=asked)["rows"]
    seen = {row["id"]: row["cells"][0] for row in rows}
    here.claims.expect(f"the page Runs has the judged log loss of {len(wanted)} runs", seen == wanted, wanted, seen)
    losses = list(seen.values())
    here.claims.expect("it sorts them by it", losses == sorted(losses), sorted(losses), losses)


def _staged(here: Stage, version: int, tally: Tally, day_of_row: np.ndarray) -> None:
    """Shadow, canary, full, watch; the former champion stays as a shadow."""
    events, expect = here.chronicle, here.claims.expect
    # The first time: a rollback may have brought it back since.
    crowned = next(one for one in events.of("champion.crowned") if int(one["data"]["version"]) == version)
    rollout = crowned["data"]["rollout"]
    entered = [one for one in events.of("rollout.stage_entered") if one["subject"] == rollout]
    stages = [one["data"]["stage"] for one in entered]
    expect("a rollout passes shadow, canary, full and watch", stages[: len(STAGES)] == STAGES, STAGES, stages)
    watching = next(one for one in entered if one["data"]["stage"] == "watch")
    routes = [one for one in events.of("route.changed") if int(one["sequence"]) > int(watching["sequence"])]
    former = [v for v in routes[0]["data"]["variants"] if v["mode"] == "shadow" and v["role"] == "former"] if routes else []
    expect("the former champion stays as a shadow during `watch`", len(former) == 1, "1 shadow", former)
    canary = next(one for one in entered if one["data"]["stage"] == "canary")
    on_day = tally.version[day_of_row == parse_iso(canary["time"]) // DAY_MS]
    share = float((on_day == version).mean()) if len(on_day) else 0.0
    expect("the canary answers about a tenth of a day's requests", SHARE[0] <= share <= SHARE[1], "10 %", f"{share:.1%}")
    here.screen.say(
        f"version {version} was a shadow for a day, answered {share:.1%} of {day(parse_iso(canary['time']))}, then all"
    )


def _quiet_stretches(here: Stage) -> list[int]:
    """Lengths in days between two retrainings in which the loop did nothing."""
    fired = [parse_iso(one["time"]) for one in here.chronicle.of("reaction.fired")]
    edges = [parse_iso(REPLAY_FROM), *fired, parse_iso(here.chronicle.events[-1]["time"])]
    gaps = [(later - sooner) // DAY_MS for sooner, later in itertools.pairwise(edges)]
    return [gap for gap in gaps if gap >= QUIET_DAYS]

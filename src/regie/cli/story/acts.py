"""The six acts: what each claims, checked by looking at the running system from outside.

An act uses the commands, the HTTP API, the endpoint and the real mlflow client, never the database or the code of the server.
"""

import itertools
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regie.base.clock import DAY_MS, day, iso, monotonic, parse_iso
from regie.cli.story import outsider, tamper
from regie.cli.story.chronicle import BREACH, FAILURE, PROMOTION, RETRAINING, Chronicle
from regie.cli.story.claims import Claims
from regie.cli.story.replay import Tally
from regie.cli.story.running import WORKSPACE, DemoFailed, Outcome, Regie
from regie.cli.story.screen import Screen
from regie.client.http import Client

MODEL = WORKSPACE
FIRST_DAY = 45  # the champion learns from the first 45 days
REPLAY_FROM = "2013-02-15T00:00:00Z"
CHAMPION_GATE = "log_loss <= champion + 0.02"
HALF_WAY = "2013-07-01"
QUIET_DAYS = 14
SETTLE_S = 120
LOOK_S = 0.1
SHARE = (0.03, 0.25)  # of a canary of 10 % on one day's requests
CUT = 10
HONEST, CORRUPTED = "rows.label))", "~rows.label))  # a refactoring that took it for `on time`"
STAGES = ["canary", "full", "watch"]
Rows = list[dict[str, Any]]


@dataclass
class Stage:
    """What the acts share."""

    regie: Regie
    api: Client
    screen: Screen
    claims: Claims
    chronicle: Chronicle
    bad_version: int = 0

    def ran(self, *args: str, folder: Path | None = None) -> Outcome:
        """A command that must succeed."""
        done = self.regie.command(*args, folder=folder)
        self.claims.expect(
            f"`regie {' '.join(args)}` succeeds", done.code == 0, "exit code 0", f"{done.code}: {done.err[-1500:]}"
        )
        return done

    def versions(self) -> Rows:
        """Every version of the model, with its evidence."""
        found: Rows = self.api.models.show(MODEL)["versions"]
        return found

    def version(self, number: int) -> dict[str, Any]:
        return next(one for one in self.versions() if int(one["version"]) == number)

    def until(self, what: str, holds: Any) -> None:
        """Wait until something is to be seen. Raises DemoFailed."""
        end = monotonic() + SETTLE_S
        while not holds():
            if monotonic() > end:
                raise DemoFailed(f"{what}: not seen within {SETTLE_S} s", self.regie.address, f"see {self.regie.log}")
            time.sleep(LOOK_S)


def first_release(here: Stage) -> None:
    """Act 1: from an empty home to a champion."""
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


def _staged(here: Stage, version: int, tally: Tally, day_of_row: np.ndarray) -> None:
    """Shadow, canary, full, watch; the former champion stays as a shadow."""
    events, expect = here.chronicle, here.claims.expect
    crowned = next(one for one in reversed(events.of("champion.crowned")) if int(one["data"]["version"]) == version)
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


def is_quiet(here: Stage) -> bool:
    """Nothing is under way."""
    found = here.api.status()
    return not (found["rollout"] or found["qualifications"] or found["jobs"] or found["breaches"])


def quiet(here: Stage) -> None:
    """`regie why` says of each reaction why it does nothing."""
    found = json.loads(here.ran("why", WORKSPACE, "--json").out)["lines"]
    reasons = {line["subject"]: line["because"] for line in found if line["type"] == "reaction"}
    expected = "a reason for each reaction"
    here.claims.expect("`regie why` says why the loop does nothing", len(reasons) == 2 and all(reasons.values()), expected, found)
    for line in found:
        here.screen.say(f"quiet: {line['subject']}: {line['because']}" + (f" ({line['detail']})" if line["detail"] else ""))


def bad_candidate(here: Stage) -> None:
    """Act 4: labels turned round by a bug; the gates refuse what was learned from them."""
    before = {int(one["version"]) for one in here.versions()}
    champion = here.api.status()["champion"]["version"]
    folder = here.regie.home / "corrupted"
    shutil.copytree(here.regie.project, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    flow = folder / "flow.py"
    flow.write_text(flow.read_text().replace(HONEST, CORRUPTED))
    here.claims.expect("the bug is in the copy's flow.py", CORRUPTED in flow.read_text(), CORRUPTED, flow.read_text())
    here.ran("pipeline", "run", "train", "--wait", folder=folder)
    here.until("the gates judged the bad candidate", lambda: _judged(here, before))
    bad = next(one for one in here.versions() if int(one["version"]) not in before and one["qualification"])
    here.bad_version = int(bad["version"])
    state = bad["qualification"]["state"]
    here.claims.expect("a gate refuses the bad candidate", state == "failed", "failed", bad["qualification"])
    failed = [one for one in bad["evidence"] if one["verdict"] == "failed"]
    here.claims.expect("the refusal has its evidence", bool(failed), "a failed gate with figures", bad["evidence"])
    here.claims.expect("it never has a rollout", not bad["rollouts"], "no rollout", bad["rollouts"])
    kept = here.api.status()["champion"]["version"]
    here.claims.expect("the champion stays", kept == champion, champion, kept)
    for one in failed:
        figures = (
            f"{one['value']:.4g} [{one['low']:.4g}, {one['high']:.4g}] on {one['rows']:,} rows" if one["low"] is not None else ""
        )
        here.screen.say(f"version {here.bad_version} is refused by `{one['gate']}`: {figures}")


def _judged(here: Stage, before: set[int]) -> bool:
    states = [
        one["qualification"]["state"] for one in here.versions() if int(one["version"]) not in before and one["qualification"]
    ]
    return any(state not in ("waiting", "judging") for state in states)


def never_served(here: Stage, tally: Tally) -> None:
    """Act 4, at the year's end: what was refused never had a request."""
    answered = int((tally.version == here.bad_version).sum())
    here.claims.expect("the refused version answered no request", answered == 0, 0, answered)
    routed = [
        one["data"]["generation"]
        for one in here.chronicle.of("route.changed")
        if any(int(variant["version"]) == here.bad_version for variant in one["data"]["variants"])
    ]
    here.claims.expect("no route ever named the refused version", not routed, "no generation", routed)


def forbidden(here: Stage) -> None:
    """Act 5: nobody crowns by hand, and the attempt is on record."""
    champion = int(here.api.status()["champion"]["version"])
    before = here.api.audit.anchor()["seq"]
    refusal = outsider.crown(here.regie, here.bad_version or 1)
    here.claims.expect(
        "mlflow's alias call on `champion` answers 403", refusal.status == 403, 403, f"{refusal.status}: {refusal.says}"
    )
    here.claims.expect("the answer says how to ask for a promotion", "regie" in refusal.says, "a command of regie", refusal.says)
    records = [one for one in here.api.audit.records(before) if one["result"] == "refused"]
    about = [one for one in records if one["action"] == "champion.set"]
    here.claims.expect("the refusal is in the audit log", len(about) == 1, "1 record: champion.set refused", records)
    now = int(here.api.status()["champion"]["version"])
    here.claims.expect("the champion is the same", now == champion, champion, now)
    here.screen.say(refusal.says.strip().splitlines()[0])
    here.screen.say(f"audit record {about[0]['seq']}: {about[0]['actor']} {about[0]['action']} {about[0]['target']}: refused")


def proof(here: Stage, version: int) -> None:
    """Act 6: the chain of causes, and the chain of records."""
    champion = here.ran("why", f"{MODEL}@champion", "--json")
    types = [line["type"] for line in json.loads(champion.out)["lines"]]
    here.claims.expect(
        "`why flights@champion` starts at the promotion", types[:1] == ["champion.crowned"], "champion.crowned", types[:1]
    )
    wanted = {"champion.crowned", "gates.passed", "evidence", "model.registered", "reaction.fired", "quality.breached"}
    here.claims.expect("it leads back to a breach, with evidence", wanted <= set(types), sorted(wanted), sorted(set(types)))
    here.screen.raw(_indented(_to_breach(here.ran("why", f"{MODEL}@champion").out)))
    if version != int(here.api.status()["champion"]["version"]):
        told = here.ran("why", f"{MODEL}@{version}").out
        here.claims.expect(f"`why {MODEL}@{version}` leads to its breach", "quality.breached" in told, "quality.breached", told)
    here.screen.say(here.ran("audit", "verify").out.strip())
    _altered(here)


def _to_breach(text: str) -> str:
    """The chain up to its first breach: each line is time, type, subject."""
    lines = text.splitlines()
    ends = next((number for number, line in enumerate(lines) if line.split("  ")[1:2] == ["quality.breached"]), len(lines) - 1)
    return "\n".join(lines[: ends + 1])


def _altered(here: Stage) -> None:
    """A changed byte is found; a cut tail is found by who kept an anchor."""
    home, expect = here.regie.home, here.claims.expect
    anchor = home / "anchor.json"
    here.ran("audit", "anchor", "--file", str(anchor))
    changed = tamper.copy(home / "regie.db", home / "changed.db")
    record = tamper.change_one_byte(changed)
    found = here.regie.command("audit", "verify", "--database", str(changed))
    named = found.code == 1 and f"record {record}" in found.err
    expect("one changed byte is found and its record named", named, f"exit code 1, record {record}", f"{found.code}: {found.err}")
    here.screen.say(f"a copy with one byte changed: {found.err.strip().splitlines()[0]}")
    cut = tamper.copy(home / "regie.db", home / "cut.db")
    tamper.cut_tail(cut, CUT)
    whole = here.regie.command("audit", "verify", "--database", str(cut))
    expect("a chain without its tail looks whole by itself", whole.code == 0, "exit code 0", f"{whole.code}: {whole.err}")
    found = here.regie.command("audit", "verify", "--database", str(cut), "--anchor", str(anchor))
    expect(
        "the anchor finds the cut tail", found.code == 1 and "cut" in found.err, "exit code 1: cut", f"{found.code}: {found.err}"
    )
    here.screen.say(f"a copy without its last {CUT} records: {found.err.strip().splitlines()[0]}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

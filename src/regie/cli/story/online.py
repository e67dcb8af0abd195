"""Act 5: versions that pass every gate and fail in production. A guard gives the traffic back; nobody is left without an answer."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from regie.base.clock import HOUR_MS, day
from regie.cli.story import badly
from regie.cli.story.badly import Edit
from regie.cli.story.replay import Replay
from regie.cli.story.stage import Stage

JUDGED_DAYS = 8  # the week that judges, and the day until its labels are known
STRANGE_ROWS = 25
# Somebody in a hurry: no shadow stage, half of the traffic at once, one candidate, and time enough for any pipeline.
HURRIED = {
    "rollout: [shadow 1d, canary 10% for 1d, full, watch 14d]": "rollout: [canary 50% for 1d, full, watch 14d]",
    "windows: [all, last 8w]": "windows: [all]",
    "latency.p95 < 20ms": "latency.p95 < 1s",
}


def silent(replay: Replay) -> bool:
    """Whether the air pressure is about to be missing for hours, after a week in which it was not."""
    return _strange(replay, replay.stream.frame["pressure"].isna().to_numpy())


def unseen(column: str) -> Callable[[Replay], bool]:
    """Whether values of a column are about to appear that nobody has seen up to the week that judges, nor in it."""

    def fits(replay: Replay) -> bool:
        values = replay.stream.frame[column]
        learned = values.iloc[: replay.stream.edges[replay.today + 1 - JUDGED_DAYS]]
        return _strange(replay, ~values.isin(learned.unique()).to_numpy())

    return fits


def _strange(replay: Replay, strange: np.ndarray) -> bool:
    """Whether the day that begins has such rows, and the days before it have none."""
    edges, today = replay.stream.edges, replay.today + 1
    judged, coming = strange[edges[today - JUDGED_DAYS] : edges[today]], strange[edges[today] : edges[today + 1]]
    return not judged.any() and int(coming.sum()) >= STRANGE_ROWS


def raises(here: Stage, replay: Replay) -> Iterator[None]:
    """It raises on some rows."""
    found = yield from _played(here, replay, badly.RAISES)
    expect = here.claims.expect
    expect("the guard on errors aborts the one that raises", "errors" in found["guard"], "errors > 1%", found["guard"])
    expect("the rollout keeps what the version raised", "ValueError" in found["last_error"], "ValueError", found["last_error"])


def slow(here: Stage, replay: Replay) -> Iterator[None]:
    """It answers too slowly; on a slow machine beyond the deadline, which counts as an error."""
    found = yield from _played(here, replay, badly.SLOW)
    by = found["guard"]
    here.claims.expect("the guard on latency, or that on errors, aborts the slow one", bool(by), "latency.p95", by)


def hungry(here: Stage, replay: Replay) -> Iterator[None]:
    """It eats memory until it is killed."""
    found = yield from _played(here, replay, badly.HUNGRY, _killed)
    log = (here.regie.home / "logs" / "serve.log").read_text(errors="replace")
    died = [line.partition("died: ")[2] for line in log.splitlines() if "died: killed" in line]
    expect = here.claims.expect
    expect("the guard on errors aborts the one that eats memory", "errors" in found["guard"], "errors > 1%", found["guard"])
    expect("its process was killed", bool(died), "killed, out of memory", log[-500:])
    here.screen.say(f"its process: {died[0]}")


def _killed(here: Stage, bad: int) -> None:
    """Once it has failed, wait until its process was killed: the day passes faster than memory fills."""
    if here.counted("fallbacks", bad):
        here.until("the process was killed", lambda: here.counted("restarts", bad) > 0)


def _played(
    here: Stage, replay: Replay, edit: Edit, each_hour: Callable[[Stage, int], None] = lambda here, bad: None
) -> Generator[None, None, dict[str, Any]]:
    """Train it from an edited copy, let it be a canary, and see what became of it; returns the damage."""
    champion = int(here.api.status()["champion"]["version"])
    here.apply(HURRIED)
    bad = here.trained(here.copied(edit.name, edit.of))
    state = here.version(bad)["qualification"]["state"]
    here.claims.expect(f"the version that {edit.does} passes its gates", state == "passed", "passed", here.version(bad))
    rollout = here.rollout_of(bad)
    pid = here.process_of(bad)
    here.claims.expect("its canary has a process of its own", bool(pid), "a process", pid)
    here.screen.say(f"version {bad}, {edit.meant}: passed its gates, and is a canary in process {pid}")
    first, midnight_ms = replay.sent, replay.midnight_ms
    _until_aborted(here, replay, rollout["id"], lambda: each_hour(here, bad))
    found = here.api.rollouts.show(rollout["id"])
    state = f"{found['state']}: {found['because']}"
    here.claims.expect("a guard aborts it within the day", state == "aborted: guard.broken", "aborted: guard.broken", state)
    here.apply({})
    cost = next(one for one in here.chronicle.of("rollout.aborted") if one["subject"] == rollout["id"])["data"]
    damage = {name: cost.get(name, 0 if name in COUNTS else None) for name in DAMAGE}
    _harmless(here, replay, range(first, replay.sent), bad, champion, damage)
    here.damage.append({"version": bad, "does": edit.does, "day": day(midnight_ms), **damage})
    first = replay.sent
    yield
    _given_back(here, replay, first, champion)
    return damage


def _until_aborted(here: Stage, replay: Replay, rollout: str, each_hour: Callable[[], None]) -> None:
    """Let the day pass hour by hour, until the rollout has ended."""
    for hour in range(1, 24):
        replay.send_before(replay.midnight_ms + hour * HOUR_MS)
        each_hour()
        replay.pass_to(replay.midnight_ms + hour * HOUR_MS)
        if any(one["subject"] == rollout for one in here.chronicle.of("rollout.aborted")):
            return


COUNTS = ("requests", "failed", "fallbacks", "restarts")  # the event leaves out what is nothing
DAMAGE = ("guard", "value", "requests", "failed", "fallbacks", "added_p50_ms", "added_p95_ms", "restarts", "last_error")


def _harmless(here: Stage, replay: Replay, rows: range, bad: int, champion: int, damage: dict[str, Any]) -> None:
    """Every client had its answer, from the bad version or, where that failed, from the champion."""
    tally, expect = replay.tally, here.claims.expect
    versions, ms = tally.version[rows.start : rows.stop], tally.ms[rows.start : rows.stop]
    answered = {int(number): int((versions == number).sum()) for number in np.unique(versions)}
    expect("no client saw a failed request", not tally.failures, "0 failed", tally.failures[:3])
    expect("every answer is the champion's or the canary's", set(answered) <= {champion, bad}, {champion, bad}, answered)
    failed, fallbacks = damage["failed"], damage["fallbacks"]
    expect("the champion answered where it failed", fallbacks == failed, failed, fallbacks)
    here.screen.say(
        f"aborted by `{damage['guard']}` ({damage['value']:.3g}): of {damage['requests']} requests the champion answered "
        f"{fallbacks} in its place; no client saw a failed one, the slowest took {np.nanmax(ms):,.0f} ms"
    )
    if damage["last_error"]:
        here.screen.say(f"its last words: {damage['last_error'].splitlines()[0]}")


def _given_back(here: Stage, replay: Replay, first: int, champion: int) -> None:
    """From the abort on, the champion answers everything."""
    others = sorted({int(one) for one in replay.tally.version[first : replay.sent]} - {champion})
    here.claims.expect("after the abort the champion answers everything", not others, champion, others)
    kept = int(here.api.status()["champion"]["version"])
    here.claims.expect("the champion stays", kept == champion, champion, kept)

"""Act 6: `kill -9` of supervisor, server and worker during a canary. Clients notice nothing; the loop goes on where it was."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from regie.base.clock import day, monotonic
from regie.cli.story import badly
from regie.cli.story.chronicle import CRASH
from regie.cli.story.replay import Replay
from regie.cli.story.stage import REPLAY_FROM, Rows, Stage

KILLED = ("server", "worker")  # and who supervises them
PACE_S = 0.01  # between two requests while nobody is there: a day's requests would be over before `up` is
ENDED = ("finished", "failed", "cancelled")
ONCE = ("run.finished", "run.failed", "reaction.fired", "rollout.stage_entered", "champion.crowned")


def crash(here: Stage, replay: Replay) -> Iterator[None]:
    """A release by hand; in its canary everything but the data plane dies, in the middle of somebody's experiment."""
    version = here.trained()
    rollout = here.rollout_of(version)
    here.screen.say(f"version {version}, trained by hand, passed its gates: shadow")
    yield
    rollout = here.api.status()["rollout"]
    here.claims.expect("the rollout is in its canary", rollout["stage"] == "canary", "canary", rollout["stage"])
    run_id = here.ran(
        "pipeline", "run", "train", "-p", "trees=400", folder=here.copied("experiment", badly.experiment)
    ).out.strip()
    here.until("a step of the experiment runs", lambda: _running(here, run_id))
    here.chronicle.look()
    before = list(here.chronicle.events)
    dead = _killed(here, replay)
    _goes_on(here, rollout, before)
    here.until("another worker has finished the experiment", lambda: here.api.runs.show(run_id)["state"] in ENDED)
    here.chronicle.look()
    _taken_over(here, run_id)
    midnight_ms, first = replay.midnight_ms, replay.stream.rows(replay.today + 1).start
    yield
    _nothing_twice(here, before)
    _logged(here, replay, range(first, replay.sent))
    here.crashes.append({"day": day(midnight_ms), **dead})
    entered = [one for one in here.chronicle.of("rollout.stage_entered") if one["subject"] == rollout["id"]]
    stages = [one["data"]["stage"] for one in entered]
    here.claims.expect("the rollout goes from its canary to full", stages[:2] == ["canary", "full"], ["canary", "full"], stages)
    here.screen.say(f"the rollout went on where it was: {', '.join(stages)}")


def _running(here: Stage, run_id: str) -> bool:
    tasks = here.api.runs.show(run_id)["tasks"]
    return any(one["state"] == "running" and one["step"].endswith("fit") for one in tasks)


def _killed(here: Stage, replay: Replay) -> dict[str, Any]:
    """Kill them while requests are being sent, go on sending, start `regie up` again, and send the rest of the morning."""
    rows = replay.stream.rows(replay.today + 1)
    replay.send_until(rows.start + len(rows) // 4)
    under, serving = here.regie.processes(), _serving(here)
    supervisor = here.regie.process.pid if here.regie.process else 0
    here.regie.kill(*(under[name] for name in KILLED))
    died, alone = monotonic(), replay.sent
    replay.send_until(alone + len(rows) // 4)
    here.claims.expect("the server is gone", not here.api.health(), "no answer", "it answers")
    here.regie.launch(REPLAY_FROM)
    while not here.regie.ready():
        replay.send_until(min(replay.sent + 1, rows.stop - 1))
        time.sleep(PACE_S)
    seconds, answered = monotonic() - died, replay.sent - alone
    here.claims.expect("the endpoint answered all the while", not replay.tally.failures, "0 failed", replay.tally.failures[:3])
    now = _serving(here)
    here.claims.expect("`regie up` adopts the living data plane", now == serving, serving, now)
    said = f"serve is adopted: pid {under['serve']}"
    here.until("`regie up` says that it adopted serve", lambda: said in here.regie.log.read_text())
    here.screen.say(
        f"kill -9 of the supervisor ({supervisor}), the server ({under['server']}) and the worker ({under['worker']}): the endpoint "
        f"answered {answered} requests alone; `regie up` was there again after {seconds:.1f} s, and adopted serve ({under['serve']})"
    )
    here.chronicle.note(CRASH, replay.midnight_ms, "kill -9 of supervisor, server and worker during a canary")
    return {"killed": ["up", *KILLED], "answered_meanwhile": answered, "seconds": round(seconds, 1)}


def _serving(here: Stage) -> str:
    """Which life of the data plane answers: a process that was started again says another one."""
    return str(here.health()["nonce"])


def _goes_on(here: Stage, rollout: dict[str, Any], before: Rows) -> None:
    """Nothing that was there before has changed; the rollout is in the same stage."""
    now = here.api.status()["rollout"]
    same = {name: (rollout[name], (now or {}).get(name)) for name in ("id", "version", "stage", "state", "entered_ms")}
    here.claims.expect("the rollout is where it was", all(was == is_ for was, is_ in same.values()), rollout, now)
    after = list(here.api.events.all())
    here.claims.expect("no event was lost or changed", after[: len(before)] == before, f"{len(before)} events", len(after))


def _taken_over(here: Stage, run_id: str) -> None:
    """The killed worker's job was taken over, and its result counts once."""
    run = here.api.runs.show(run_id)
    job = here.api.jobs.show(run["job_id"])
    expect = here.claims.expect
    expect("the run that its worker left was finished by another", (run["state"], job["attempts"]) == ("finished", 2),
           "finished, attempt 2", f"{run['state']}, attempt {job['attempts']}")  # fmt: skip
    made = [one for one in run["tasks"] if one["state"] == "finished" and not one["cached_from"]]  # what the cache answers is old
    accepted = Counter(one["step"] for one in made)
    once = set(accepted.values()) == {1} and set(accepted) >= {"flow:fit", "flow:score"}
    expect("no step's result was accepted twice", once, "each step, once", dict(accepted))
    ended = [one for one in here.chronicle.of("run.finished", "run.failed") if one["subject"] == run_id]
    expect("the run ended once", len(ended) == 1, 1, len(ended))
    here.screen.say(
        f"the experiment that ran meanwhile was taken over: attempt {job['attempts']}, each step's result counts once"
    )


def _nothing_twice(here: Stage, before: Rows) -> None:
    """The events have no gap; what an event led to happened once; the chain of records holds."""
    events, expect = here.chronicle.events, here.claims.expect
    numbers = [int(one["sequence"]) for one in events]
    gapless = numbers == list(range(1, len(numbers) + 1))
    expect("the sequence of events has no gap", gapless, f"1 to {len(numbers)}", f"{len(numbers)} up to {numbers[-1]}")
    done = Counter(
        (one["type"], one["subject"], one["data"].get("stage"), one["causationid"]) for one in events if one["type"] in ONCE
    )
    twice = [what for what, times in done.items() if times > 1]
    expect("no event was acted on twice", not twice, "nothing twice", twice)
    here.ran("audit", "verify")
    here.screen.say(f"{len(numbers) - len(before)} events since, none lost, none twice; the audit chain holds")


def _logged(here: Stage, replay: Replay, rows: range) -> None:
    """Every answer that the client has is a row of the prediction log, once."""
    answered = {replay.tally.ids[row] for row in rows}
    logged = [one for file in _files(here.regie.home, day(replay.midnight_ms - 1)) for one in _ids(file)]
    counted = Counter(logged)
    expect = here.claims.expect
    expect("every answer of the day is in the prediction log", answered <= set(counted), len(answered), len(counted))
    doubled = [one for one, times in counted.items() if times > 1]
    expect("and is there once", not doubled and set(counted) == answered, f"{len(answered)} rows", f"{len(logged)} rows")
    here.screen.say(f"{len(answered)} answers on the day of the crash, {len(logged)} rows in the prediction log: the same ones")


def _files(home: Path, of_day: str) -> list[Path]:
    """The Parquet files of a day, which any tool can read."""
    return sorted((home / "predictions").glob(f"*/*/day={of_day}/*.parquet"))


def _ids(file: Path) -> list[str]:
    table = pq.read_table(file, columns=["id", "mode"], partitioning=None)
    return [one["id"] for one in table.to_pylist() if one["mode"] == "live"]

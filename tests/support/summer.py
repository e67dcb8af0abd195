"""Three weeks of the demo's story, for the tests of the control room: `python -m tests.support.summer HOME` plays them, and ends everything.

The same acts on the same data as `regie demo`, from June on: a first release, a canary that a guard aborts, what the gates refuse, a
breach of quality with its retraining and promotion, drift, an approval, and at the end a rollout in its canary. Beside it, in a workspace
of its own, a small model whose second version waits for a person.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regie.base.clock import HOUR_MS, day, parse_iso
from regie.cli.story import online, people, place, refusals, running
from regie.cli.story.chronicle import PAGE, Chronicle
from regie.cli.story.claims import Claims
from regie.cli.story.programme import Act, Programme
from regie.cli.story.replay import Replay, Tally
from regie.cli.story.running import Regie
from regie.cli.story.screen import Screen
from regie.cli.story.stage import MODEL, Stage
from regie.cli.story.stream import read
from regie.client.http import Client
from tests.support.platform import DEFAULTS, FLOW, SPEC, free_ports, made, table_of

EARLIEST, BEGINS, LATEST = "2013-03-15T00:00:00Z", "2013-06-14T00:00:00Z", "2013-07-14T00:00:00Z"
AFTERNOON_MS = 15 * HOUR_MS
ONE = {"windows: [all, last 8w]": "windows: [all]"}  # one candidate where two would show nothing more
SHORT = {"watch 14d": "watch 2d"}  # what follows need not wait for the end of its watch
OTHER, APPROVE = "parcels", "  approve: {by: validator, not: author, within: 5d}"


class Over(Exception):
    """The story ends here, in the middle of a day."""


def shortened(here: Stage, replay: Replay) -> Iterator[None]:
    """The next rollout is watched for two days only."""
    here.apply(SHORT)
    yield


def waiting(here: Stage, replay: Replay) -> Iterator[None]:
    """The file asks for an approval; a version has it, and is a canary. Raises Over."""
    token = here.ran("actor", "add", people.VALIDATOR, "--role", "validator", "--everywhere").out.strip().splitlines()[-1]
    here.apply(people.ASKS | ONE)
    version = here.trained()
    done = here.regie.command("approval", "grant", f"{MODEL}@{version}", "--reason", "the evidence holds", token=token)
    here.claims.expect("the validator may approve it", done.code == 0, "exit code 0", done.err)
    here.rollout_of(version)
    yield
    replay.pass_to(replay.midnight_ms + AFTERNOON_MS)
    raise Over


ACTS = (
    Act(5, "A bad version, online", "2013-06-20", online.raises, online.unseen("dewp")),
    Act(4, "A bad candidate, offline", "2013-06-26", refusals.bad_candidate),
    Act(3, "Breach, retraining, promotion", "2013-06-27", shortened),
    Act(7, "People", "2013-07-04", waiting),
)


def play(home: Path) -> None:
    """Play all acts into an empty folder. Raises ClaimBroken, DemoFailed."""
    project = place.prepare(home)
    running.isolate(home)
    regie = Regie(home, project, *free_ports(2))
    try:
        with Screen() as screen:
            subprocess.run([sys.executable, "flights.py"], cwd=project, check=True)
            _cut(project / "data" / "flights.parquet")
            regie.start(BEGINS)
            _story(regie, screen)
    finally:
        regie.stop()


def _story(regie: Regie, screen: Screen) -> None:
    with regie.client() as api:
        here = Stage(regie, api, screen, Claims(1), Chronicle(lambda after: api.events.list(after, PAGE)))
        here.apply(ONE)
        here.ran("pipeline", "run", "train", "--wait")
        here.until("version 1 answers", lambda: _answers(api.status()))
        stream = read(regie.project / "data" / "flights.parquet")
        replay = Replay(regie, api, stream, here.chronicle, screen, Tally.of(len(stream.keys)))
        programme = Programme(ACTS, here, replay)
        with suppress(Over):
            replay.run(stream.day_of(parse_iso(BEGINS)), lambda today: programme.midnight())
        left = [act.title for act in programme.waiting]
        here.claims.expect("each act was played", not left and not replay.is_over, "all", left)
        here.claims.expect("no request failed", not replay.tally.failures, "0 failed", replay.tally.failures[:3])
        _asked(here, regie.home / OTHER)
        screen.say(f"{day(replay.midnight_ms)}: {replay.tally.requests:,} requests")


def _asked(here: Stage, folder: Path) -> None:
    """A second workspace: its first version is champion, the next one waits for a validator."""
    folder.mkdir()
    data = made(days=30)
    earlier = replace(data, time_ms=data.time_ms - data.time_ms[-1] + parse_iso(BEGINS))
    pq.write_table(table_of(earlier), folder / "rows.parquet")
    with Client(here.regie.address, OTHER) as api:
        for flow, approve in ((FLOW, ""), (FLOW.replace("LogisticRegression()", "LogisticRegression(C=0.1)"), APPROVE)):
            (folder / "flow.py").write_text(flow)
            (folder / "regie.yaml").write_text(SPEC.format(name=OTHER, **(DEFAULTS | {"approve": approve})))
            here.ran("apply", folder=folder)
            here.ran("pipeline", "run", "train", "--wait", folder=folder)
            here.until("it is released", lambda: _answers(api.status()))
        here.until("its approval is asked for", lambda: bool(api.approvals.list("pending")))


def _answers(status: dict[str, Any]) -> bool:
    """Whether there is a champion, and every node has its route."""
    route = status["route"]
    return bool(status["champion"] and route["serving"]) and min(route["serving"].values()) >= route["wanted"]


def _cut(file: Path) -> None:
    """Keep the rows that the story needs."""
    table = pq.read_table(file)
    first, last = (pa.scalar(parse_iso(one), pa.timestamp("ms")).cast(table["time"].type) for one in (EARLIEST, LATEST))
    pq.write_table(table.filter((pc.field("time") >= first) & (pc.field("time") < last)), file)


if __name__ == "__main__":
    play(Path(sys.argv[1]).resolve())

"""From the command to the first answer, and the memory at rest; stock as it is installed, and without its job runner."""

import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.tracking.figures import Aim, Figure, Part, Round, Size, Took
from benchmarks.tracking.servers import OURS, Server

REST_S, BUSY, SETTLED_S = 3.0, 0.6, 30.0  # at rest: no more than this part of a core for a second; polling takes some


def start(name: str, folder: Path, size: Size) -> Round:
    """On a new database, which is made first; then on the same one, as every further time. Ours has no job runner to leave out."""
    home = Path(tempfile.mkdtemp(dir=folder))
    try:
        first = Server(name, home, jobs=True)
        first.end()
        found = {"first": Took(first.ready_s), "first_cpu": Took(first.ready_cpu_s)} | _again(name, home, jobs=True)
        bare = found if name == OURS else _again(name, home, jobs=False)
        return found | {f"bare_{what}": took for what, took in bare.items() if what in ("again", "memory")}
    finally:
        shutil.rmtree(home)


def _again(name: str, home: Path, jobs: bool) -> Round:
    server = Server(name, home, jobs=jobs)
    try:
        _settle(server)
        with server.spending() as spent:
            time.sleep(REST_S)
        idle = spent[0].cpu_s / spent[0].wall_s * 100
        ready = {"again": Took(server.ready_s), "again_cpu": Took(server.ready_cpu_s)}
        return ready | {"memory": Took(server.pss_mb()), "idle": Took(idle)}
    finally:
        server.end()


def _settle(server: Server) -> None:
    """It answers, but some of its processes may still be busy with their own starts."""
    until, busy = time.monotonic() + SETTLED_S, True
    while busy and time.monotonic() < until:
        with server.spending() as spent:
            time.sleep(1)
        busy = spent[0].cpu_s > BUSY


PARTS = {
    "start": Part(
        start,
        {
            "first": Figure("start on a new database, s", Aim(most=2.5)),
            "first_cpu": Figure("CPU until then, s"),
            "again": Figure("start on one that is there, s", Aim(most=2.5)),
            "again_cpu": Figure("CPU until then, s"),
            "bare_again": Figure("the same, stock without its job runner", Aim(most=2.5)),
            "memory": Figure("memory at rest (PSS), MB", Aim(most=120)),
            "bare_memory": Figure("the same, stock without its job runner", Aim(most=120)),
            "idle": Figure("CPU at rest, % of a core"),
        },
        rounds=2,
        databases=("SQLite",),
        alone=True,
    )
}

"""Jobs through the queue in one process: enqueued, claimed and completed, each step a transaction of its own. The peer: DBOS.

Enqueueing and completing are on the disk when they return (a claim need not be: a lost one is made again). The peer gets the same
number of workflows that do nothing, in its own way: all enqueued, then worked off by its threads; it looks as often as our worker.
"""

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import peers, stores
from benchmarks.stores import DATABASES
from regie.store import jobs
from regie.store.change import Store

ROUNDS, OURS, THEIRS = 5, 500, 100  # a peer that is slower is asked less
WARM_UP = 100
AIMS = {"SQLite": 1_000, "PostgreSQL": 500}


def run() -> list[str]:
    """Lines of a table: jobs a second, the median of the rounds."""
    lines = ["| database | Regie | CPU us a job | aim | peer: DBOS |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name, stores.urls(Path(name)) as urls:
        for database in DATABASES:
            peer = _peer(urls[database], database, Path(name))
            with stores.opened(urls[database], Path(name)) as store:
                _work(store, WARM_UP)
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    ours.append(_work(store, OURS))
                    theirs += [_asked(peer)] if peer else []
            if peer:
                peer.communicate("", 30)
            shown = f"{statistics.median(theirs):,.0f}" if theirs else peers.ABSENT
            per_s, cpu_us = (statistics.median(column) for column in zip(*ours, strict=True))
            lines.append(f"| {database} | {per_s:,.0f} | {cpu_us:,.0f} | {AIMS[database]:,} | {shown} |")
    return [*lines, "", f"{ROUNDS} rounds of {OURS} and {THEIRS} jobs in turns."]


def _work(store: Store, count: int) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        with store.machinery(durable=True) as batch:
            jobs.enqueue(batch, "benchmark", "nothing", {"number": number})
        job = jobs.claim(store, "benchmark")
        assert job is not None
        with store.machinery(durable=True) as batch:
            jobs.complete(batch, job)
    return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e6


def _peer(url: str, database: str, folder: Path) -> "subprocess.Popen[str] | None":
    interpreter = peers.python("dbos")
    if interpreter is None:
        return None
    theirs = f"sqlite:///{folder / 'dbos.db'}" if database == "SQLite" else stores.another(url, "dbos")
    script = Path(__file__).with_name("peer_dbos.py")
    return subprocess.Popen([interpreter, str(script), theirs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _asked(peer: "subprocess.Popen[str]") -> float:
    assert peer.stdin is not None
    assert peer.stdout is not None
    peer.stdin.write(f"{THEIRS}\n")
    peer.stdin.flush()
    return float(peer.stdout.readline())


if __name__ == "__main__":
    print("\n".join(run()))

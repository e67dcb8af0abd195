"""Audited changes a second, and what the audit costs: the same changes with the writing of events and audit record switched off.

It can be switched off only here: this module replaces the store's last step. Two kinds of change: the smallest there is, in process (one
row updated, one event), and the same one asked for over HTTP, as a user's: `POST` of a tag to the MLflow wire of a server, answered
after the commit. Every change is on the disk when it returns, on both databases. The share is given of the wall's time and of the CPU time
of the process that holds the store: the first is the disk's as well, and worth little on a busy machine.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import bindparam, insert, update

from benchmarks import stores
from benchmarks.processes import cpu_s, free_ports
from benchmarks.serve_one_row import connected
from benchmarks.stores import DATABASES
from regie.store import change
from regie.store.change import Store
from regie.store.tables import workspaces
from regie.store.types import Actor

ROUNDS, IN_PROCESS, OVER_HTTP, WARM_UP = 7, 200, 100, 50
OWNER = Actor("benchmark", roles=frozenset({"owner"}))
MOVE = update(workspaces).where(workspaces.c.name == "benchmark").values(now_ms=bindparam("at_ms"))
BARE = "REGIE_BENCHMARK_BARE"
TAG = "/api/2.0/mlflow/experiments/set-experiment-tag"
Took = tuple[float, float]  # microseconds a change, by the wall and of CPU
Figures = list[tuple[Took, Took]]  # audited and bare, a round


def run() -> list[str]:
    """Lines of a table: the median of the rounds; the share is the median of the shares within each round."""
    lines = [
        "| change | database | audited changes a second | CPU us a change | the audit's share of the time | of the CPU time |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name, stores.urls(Path(name)) as urls:
        for database in DATABASES:
            with stores.opened(urls[database], Path(name)) as store:
                lines.append(_row("one row, in process", database, _in_process(store)))
        for database in DATABASES:
            both = [urls["PostgreSQL"]] * 2 if database == "PostgreSQL" else ["", ""]
            both = [stores.another(url, f"http_{n}") if url else "" for n, url in enumerate(both)]
            lines.append(_row("one tag, over HTTP", database, _over_http(Path(name) / database, both)))
    return [
        *lines,
        "",
        f"{ROUNDS} rounds of {IN_PROCESS} changes in process and {OVER_HTTP} over HTTP, audited and not in turns.",
    ]


def _row(what: str, database: str, figures: Figures) -> str:
    wall_us, cpu_us = (statistics.median(audited[n] for audited, _ in figures) for n in (0, 1))
    of_wall, of_cpu = (statistics.median(1 - bare[n] / audited[n] for audited, bare in figures) for n in (0, 1))
    return f"| {what} | {database} | {1e6 / wall_us:,.0f} | {cpu_us:,.0f} | {of_wall:.0%} | {of_cpu:.0%} |"


def _in_process(store: Store) -> Figures:
    with store.change(OWNER, "workspace.create", "benchmark", workspace="benchmark") as tx:
        row = {"name": "benchmark", "clock": "wall", "now_ms": 0, "secret": "", "created_ms": tx.now_ms}
        tx.execute(insert(workspaces).values(**row))
    _changes(store, WARM_UP)
    figures = []
    for _ in range(ROUNDS):
        audited = _changes(store, IN_PROCESS)
        with bare():
            figures.append((audited, _changes(store, IN_PROCESS)))
    return figures


def _changes(store: Store, count: int) -> Took:
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        with store.change(OWNER, "workspace.create", "benchmark", "measured", workspace="benchmark") as tx:
            tx.execute(MOVE, [{"at_ms": number}])
            tx.event("workspace.created", number=number)
    return (time.perf_counter() - began) / count * 1e6, (time.process_time() - cpu) / count * 1e6


@contextmanager
def bare() -> Iterator[None]:
    """Neither events nor audit records: what a store without promises would do."""
    seal = change._seal
    change._seal = lambda *_: None
    try:
        yield
    finally:
        change._seal = seal


def _over_http(folder: Path, databases: list[str]) -> Figures:
    ports = free_ports()
    started = [_server(folder / str(n), port, url, bool(n)) for n, (port, url) in enumerate(zip(ports, databases, strict=True))]
    try:
        connections = [connected(port) for port in ports]
        bodies = [_tag(connection) for connection in connections]
        for connection, body in zip(connections, bodies, strict=True):
            _requests(connection, body, WARM_UP, os.getpid())
        asked = list(zip(connections, bodies, (process.pid for process in started), strict=True))
        return [
            tuple(_requests(connection, body, OVER_HTTP, pid) for connection, body, pid in asked)  # type: ignore[misc]
            for _ in range(ROUNDS)
        ]
    finally:
        for process in started:
            process.terminate()
            process.wait(30)


def _server(home: Path, port: int, url: str, without: bool) -> "subprocess.Popen[bytes]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REGIE_")}
    environ |= {"REGIE_DATABASE": url} if url else {}
    environ |= {BARE: "1"} if without else {}
    words = [sys.executable, "-m", "benchmarks.audited_changes", "server", "--home", str(home), "--port", str(port)]
    return subprocess.Popen(words, env=environ)


def _tag(connection: http.client.HTTPConnection) -> dict[str, str]:
    made = _post(connection, "/api/2.0/mlflow/experiments/create", {"name": "benchmark"})
    return {"experiment_id": made["experiment_id"], "key": "number"}


def _requests(connection: http.client.HTTPConnection, body: dict[str, str], count: int, pid: int) -> Took:
    began, cpu = time.perf_counter(), cpu_s(pid)
    for number in range(count):
        _post(connection, TAG, {**body, "value": f"{began}.{number}"})
    return (time.perf_counter() - began) / count * 1e6, (cpu_s(pid) - cpu) / count * 1e6


def _post(connection: http.client.HTTPConnection, path: str, body: dict[str, str]) -> dict[str, str]:
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    return dict(json.loads(said))


def _serve() -> None:
    from regie.cli import main

    if os.environ.get(BARE):
        with bare():
            main()
    main()


if __name__ == "__main__":
    if sys.argv[1:]:
        _serve()
    print("\n".join(run()))

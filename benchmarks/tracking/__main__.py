"""`python -m benchmarks.tracking [PART...]`: the tracking server beside a stock `mlflow server`; tables to the screen, and to the page.

Each database has its pair of servers, with the same runs loaded, and each round of a part goes to both in turns. A part that fails keeps its
former table on the page, and the exit code is 1. `--quick` tries it out in about a minute and is worth nothing as a measurement.
"""

import argparse
import dataclasses
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks import page, peers, stores
from benchmarks.tracking import crowds, data, files, reads, starts, writes
from benchmarks.tracking.client import Client, Late
from benchmarks.tracking.figures import Figures, Part, Round, Rounds, Size, table
from benchmarks.tracking.servers import OURS, STOCK, Server, postmaster

# Searches first: what is first asked of a server is asked only once. What needs a quiet machine before all else.
PARTS: dict[str, Part] = starts.PARTS | reads.PARTS | writes.PARTS | crowds.PARTS | files.PARTS
QUICK_RUNS, QUICK_SCALE, POINTS = 1_000, 0.2, 50_000
Found = dict[str, Figures]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be measured."""

    parts: dict[str, Part]
    names: tuple[str, ...]  # of the servers
    databases: tuple[str, ...]
    scale: float


def main() -> int:
    words = _words()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended too
    if os.environ.get("PEERS"):
        peers.install(["mlflow"])
    asked, told, began = _asked(words), page.machine(), time.monotonic()
    found: Found = {name: {} for name in asked.parts}
    failed = measure(asked, found)
    lines = {name: table(part, found[name]) for name, part in asked.parts.items() if name not in failed}
    for name, rows in lines.items():
        print("\n".join(["", f"## {name}", *rows]))
    print(f"\n{told}", file=sys.stderr)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    if words.page:
        day = time.strftime("%Y-%m-%d")
        said = {name: f"Measured on {day}, medians of {asked.parts[name].rounds} rounds; {told}." for name in lines}
        page.write({f"tracking.{name}": [*rows, "", said[name]] for name, rows in lines.items()}, "make bench-tracking")
    if failed:
        print(f"not measured: {', '.join(sorted(failed))}", file=sys.stderr)
    return 1 if failed else 0


def _words() -> argparse.Namespace:
    told = argparse.ArgumentParser(prog="python -m benchmarks.tracking", description=__doc__)
    told.add_argument(
        "parts", nargs="*", metavar="PART", help="by default " + ", ".join(n for n, p in PARTS.items() if p.by_default)
    )
    told.add_argument("--ours-only", action="store_true", help="without the stock server")
    told.add_argument("--database", choices=stores.DATABASES, help="only this one")
    told.add_argument("--rounds", type=int, help="instead of each part's own")
    told.add_argument("--runs", type=int, help="so many are loaded, instead of each part's own number")
    told.add_argument("--quick", action="store_true", help="one round, 1,000 runs, a fifth of the work")
    told.add_argument("--page", action="store_true", help="write the tables into docs/benchmarks.md")
    words = told.parse_args()
    if unknown := set(words.parts) - set(PARTS):
        told.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if words.page and (words.quick or words.ours_only or words.database):
        told.error("--page is for whole measurements")
    return words


def _asked(words: argparse.Namespace) -> Asked:
    rounds, runs = words.rounds or (1 if words.quick else None), words.runs or (QUICK_RUNS if words.quick else None)
    chosen = {name: part for name, part in PARTS.items() if (name in words.parts if words.parts else part.by_default)}
    for name, part in chosen.items():
        chosen[name] = dataclasses.replace(part, rounds=rounds or part.rounds, runs=runs or part.runs)
    names = (OURS,) if words.ours_only or not peers.python("mlflow") else (OURS, STOCK)
    databases = (words.database,) if words.database else stores.DATABASES
    chosen = {name: part for name, part in chosen.items() if set(databases) & set(part.databases)}
    return Asked(chosen, names, databases, QUICK_SCALE if words.quick else 1.0)


def measure(asked: Asked, found: Found) -> set[str]:
    """Fill in what each part finds; returns those that failed."""
    failed: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="regie-bench-") as below:
        folder, size = Path(below), Size(0, 0, asked.scale)
        for name, part in asked.parts.items():
            if part.alone:
                rounds = {server: partial(part.measure, server, folder, size) for server in asked.names}
                failed |= _rounds(name, part, "SQLite", rounds, found)
        beside = {name: part for name, part in asked.parts.items() if not part.alone}
        for runs in sorted({part.runs for part in beside.values()}):
            together = {name: part for name, part in beside.items() if part.runs == runs}
            for database in asked.databases:
                failed |= _on(database, together, Size(runs, int(POINTS * asked.scale), asked.scale), asked, folder, found)
    return failed


def _on(database: str, parts: dict[str, Part], size: Size, asked: Asked, folder: Path, found: Found) -> set[str]:
    parts, failed = {name: part for name, part in parts.items() if database in part.databases}, set[str]()
    if not parts:
        return failed
    try:
        with pair(database, asked.names, size, folder / f"{database}-{size.runs}") as servers:
            for name, part in parts.items():
                rounds = {one.name: partial(_told, part, one, size) for one in servers}
                failed |= _rounds(name, part, database, rounds, found)
    except Exception:  # noqa: BLE001 - as in _rounds
        traceback.print_exc()
        return set(parts)
    return failed


def _told(part: Part, server: Server, size: Size) -> Round:
    """A server that failed is started anew: it may still be busy with what nobody waits for."""
    try:
        return part.measure(server, size)
    except Exception:
        print(server.said(), file=sys.stderr)
        server.end()
        server.start()
        raise


def _rounds(name: str, part: Part, database: str, servers: Mapping[str, Callable[[], Round]], found: Found) -> set[str]:
    """Each server in turns, the one that begins changing; a server that fails is left out of the rest of the part."""
    began = time.monotonic()
    into = found[name].setdefault(database, {server: Rounds() for server in servers})
    for number in range(part.rounds):
        for server in list(servers)[:: 1 if number % 2 == 0 else -1]:
            if into[server].failed or (server == STOCK and number >= part.stock_rounds):
                continue
            try:
                into[server].done.append(servers[server]())
            except Exception as error:  # noqa: BLE001 - whatever fails, the rest is measured
                traceback.print_exc()
                into[server].failed = str(error) if isinstance(error, Late) else "failed"
    print(f"{name} on {database}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return {name} if into[OURS].failed else set()


@contextmanager
def pair(database: str, names: Iterable[str], size: Size, folder: Path) -> Iterator[list[Server]]:
    """The servers on databases of their own, each with the runs; a stock server that does not start is left out."""
    with ExitStack() as stack:
        urls = stack.enter_context(stores.urls(folder)) if database == "PostgreSQL" else {}
        admin, servers = urls.get(database, ""), []
        for name in names:
            url = stores.another(admin, name.lower().replace(" ", "_")) if admin else ""
            try:
                server = Server(name, folder / name.replace(" ", "-"), url, postmaster(admin) if admin else 0)
                stack.callback(server.end)
                load(server, size)
            except Exception:
                if name == OURS:
                    raise
                traceback.print_exc()
            else:
                servers.append(server)
        yield servers


def load(server: Server, size: Size) -> None:
    """The runs, past the server; ours is then started anew, as it looks at its tables when it starts."""
    began, client = time.monotonic(), Client(server.port)
    server.experiment_id = client.experiment("loaded")
    client.close()
    sort = data.Ours if server.name == OURS else data.Stock
    server.history_run = data.fill(server.database_url, sort, server.experiment_id, size.runs, size.points)
    if server.name == OURS:
        server.end()
        server.start()
    print(f"{server.name}: {size.runs:,} runs in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

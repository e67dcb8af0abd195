"""Compaction: crowded days that are closed are merged, one a look, by one process at a time; nothing is read twice or lost."""

import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from regie.app.compaction import MOST_FILES, Compaction
from regie.app.leader import TurnLoop
from regie.base.clock import DAY_MS, day
from regie.predictions import lake
from regie.store import leases
from regie.store.change import Store
from regie.store.tables import workspaces
from regie.store.types import LOCAL

DAY0 = 15_000 * DAY_MS


def record(n: int, t: int) -> dict[str, Any]:
    return {
        "k": "p", "w": "w", "e": "flights", "rid": f"r{n}", "t": t, "wall": 1, "g": 1, "v": 3, "r": "champion", "m": "live",
        "ids": [f"{n:048x}"], "keys": [f"k{n}"], "times": [t], "rows": [[1.5]], "cols": ["a"], "y": [0.25], "ms": 1.25,
    }  # fmt: skip


def fill(root: Path, at_day: int, files: int) -> None:
    for n in range(files):
        lake.ingest(root, "w", [record(at_day * 1000 + n, DAY0 + at_day * DAY_MS + n)], f"n-{at_day}-{n}")


def files(root: Path, at_day: int) -> int:
    return lake.files(root, "w", "flights", day(DAY0 + at_day * DAY_MS))


def rows(root: Path) -> list[str]:
    found: list[str] = lake.read(root, "w", "flights", 0, 2 * DAY0, ("id",))["id"].to_pylist()
    return found


def clock(store: Store, now_ms: int) -> None:
    with store.change(LOCAL, "workspace.create", "w") as tx:
        row = {"name": "w", "clock": "driven", "now_ms": now_ms, "secret": "00", "created_ms": now_ms}
        tx.execute(insert(workspaces).values(row))


def test_a_crowded_closed_day_is_merged_and_the_open_and_the_small_ones_are_left(sqlite_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "predictions"
    clock(sqlite_store, DAY0 + 3 * DAY_MS - 1)  # in the last moment of day 2
    for at_day, count in ((0, MOST_FILES), (1, MOST_FILES + 1), (2, MOST_FILES + 1)):
        fill(root, at_day, count)
    before = rows(root)
    compaction = Compaction(sqlite_store, root, every_s=0)
    assert [compaction.look(), compaction.look()] == [MOST_FILES + 1, 0]
    assert [files(root, at_day) for at_day in range(3)] == [MOST_FILES, 1, MOST_FILES + 1]
    assert rows(root) == before


def test_one_look_merges_one_day_and_the_next_is_not_taken_at_once(sqlite_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "predictions"
    for at_day in (0, 1):
        fill(root, at_day, MOST_FILES + 1)
    compaction = Compaction(sqlite_store, root, every_s=60)
    assert [compaction.look(), compaction.look()] == [MOST_FILES + 1, 0]
    assert [files(root, 0), files(root, 1)] == [1, MOST_FILES + 1]


def test_who_does_not_hold_the_lease_merges_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "predictions"
    fill(root, 0, MOST_FILES + 1)
    assert leases.hold(sqlite_store, "compaction", "another process", 60_000)
    assert Compaction(sqlite_store, root, every_s=0).look() == 0
    leases.release(sqlite_store, "compaction", "another process")
    assert Compaction(sqlite_store, root, every_s=0).look() == MOST_FILES + 1


def test_a_broken_file_holds_up_only_its_own_day(sqlite_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "predictions"
    for at_day in (0, 1):
        fill(root, at_day, MOST_FILES + 1)
    (root / "w" / "flights" / f"day={day(DAY0)}" / "torn.parquet").write_bytes(b"PAR1 torn")
    compaction = Compaction(sqlite_store, root, every_s=0)
    assert [compaction.look(), compaction.look()] == [0, MOST_FILES + 1]
    assert [files(root, 0), files(root, 1)] == [MOST_FILES + 2, 1]


def test_the_leader_of_the_turns_merges_while_others_read_each_row_exactly_once(sqlite_store: Store, tmp_path: Path) -> None:
    root = tmp_path / "predictions"
    for at_day in range(3):
        fill(root, at_day, MOST_FILES + 1)
    before, wrong, done = rows(root), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            if (seen := rows(root)) != before:
                wrong.append(seen)

    reader, loop = threading.Thread(target=read), TurnLoop(sqlite_store, root)
    loop.compaction.every_s = 0
    reader.start()
    loop.start()
    end = time.monotonic() + 20
    while time.monotonic() < end and any(files(root, at_day) > 1 for at_day in range(3)):
        time.sleep(0.02)
    loop.stop()
    done.set()
    reader.join()
    assert [files(root, at_day) for at_day in range(3)] == [1, 1, 1]
    assert (wrong, rows(root)) == ([], before)

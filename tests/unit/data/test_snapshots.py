"""Snapshots on the real store: cut at business now, one row per content, no training on a broken one."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from regie.base.clock import DAY_MS, iso
from regie.base.errors import NotAllowed, NotFound
from regie.data import queries, snapshots
from regie.data.contract import ContractBroken
from regie.data.table import Table
from regie.data.tables import snapshots as table
from regie.data.types import Snapshot
from regie.spec.document import ColumnSpec, DatasetSpec, LabelSpec
from regie.spec.expressions import CHECK, parse
from regie.spec.phrases import parse_column
from regie.store import audit, events
from regie.store.change import Store
from regie.store.types import NOBODY_CAUSE, Actor, Cause, system

TRAIN, W, NOW = system("train"), "flights", 20_000 * DAY_MS
COLUMNS = {"id": "str", "x": "float", "y": "bool"}


def spec(*checks: str) -> DatasetSpec:
    columns = {name: ColumnSpec(name, parse_column(text)) for name, text in COLUMNS.items()}
    promised = tuple(parse(one, CHECK) for one in checks)
    return DatasetSpec("d", "d.csv", key=("id",), time="at", columns=columns, checks=promised, label=LabelSpec("y", DAY_MS))


def write(root: Path, rows: int, x: object = 0.5) -> None:
    """One row a day, the last one at NOW + 2 days."""
    with (root / "d.csv").open("w") as file:
        out = csv.writer(file)
        out.writerow(["id", "at", "x", "y"])
        out.writerows([f"f{n}", iso(NOW + (3 - rows + n) * DAY_MS), x, "true"] for n in range(rows))


def take(
    store: Store, root: Path, now_ms: int = NOW, *checks: str, cause: Cause = NOBODY_CAUSE, actor: Actor = TRAIN
) -> Snapshot:
    return snapshots.take(store, actor, W, "d", spec(*checks), root, now_ms, cause)


def kinds(store: Store) -> list[str]:
    with store.read() as db:
        return [one.type for one in events.after(db, 0)]


def test_a_snapshot_never_holds_what_is_later_than_business_now(store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    taken = take(store, tmp_path)
    rows = Table.from_bytes(store.blobs.get(taken.digest))
    assert (taken.rows, len(rows), rows.time.max()) == (8, 8, NOW)
    assert (taken.from_ms, taken.to_ms, taken.state) == (NOW - 7 * DAY_MS, NOW, "ok")


def test_the_same_content_is_one_snapshot_and_one_event(store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    first, second = take(store, tmp_path), take(store, tmp_path)
    assert first == second
    assert kinds(store) == ["snapshot.created"]
    assert take(store, tmp_path, NOW + DAY_MS).digest != first.digest


def test_many_at_once_take_one_snapshot(store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: take(store, tmp_path), range(6)))
    with store.read() as db:
        assert db.execute(select(func.count()).select_from(table)).scalar() == 1
    assert len({one.id for one in taken}) == 1
    assert kinds(store) == ["snapshot.created"]


def test_a_broken_contract_is_told_by_an_event_with_its_rules_and_then_raised(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10, x="")
    with pytest.raises(ContractBroken, match="x: float"):
        take(sqlite_store, tmp_path, cause=Cause("c" * 32, "d" * 32))
    with sqlite_store.read() as db:
        event = events.after(db, 0)[-1]
        row = queries.snapshots(db, W, "d")[0]
    assert (event.type, event.subject, event.causationid) == ("data.contract_broken", "d", "c" * 32)
    assert event.data["rules"][0]["rows"] == 8
    assert row["state"] == "broken"
    assert row["contract"]["broken"][0]["rows"] == 8


def test_a_snapshot_that_is_still_broken_says_so_again(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    for _ in range(2):
        with pytest.raises(ContractBroken):
            take(sqlite_store, tmp_path, NOW, "rows >= 100")


def test_rows_that_grew_too_old_break_the_contract_although_they_did_not_change(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    take(sqlite_store, tmp_path, NOW + 5 * DAY_MS, "fresh < 7d")
    with pytest.raises(ContractBroken):
        take(sqlite_store, tmp_path, NOW + 20 * DAY_MS, "fresh < 7d")
    assert kinds(sqlite_store) == ["snapshot.created", "data.contract_broken"]


def test_a_contract_that_was_mended_makes_the_same_rows_good_again(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    with pytest.raises(ContractBroken):
        take(sqlite_store, tmp_path, NOW, "rows >= 100")
    assert take(sqlite_store, tmp_path, NOW, "rows >= 1").state == "ok"
    assert kinds(sqlite_store) == ["data.contract_broken", "snapshot.created"]


def test_a_dataset_without_its_time_column_is_told_and_loses_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,x,y\na,1.0,true\n")
    with pytest.raises(ContractBroken, match="at"):
        take(sqlite_store, tmp_path)


def test_a_missing_source_changes_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        take(sqlite_store, tmp_path)
    assert kinds(sqlite_store) == []


def test_who_may_not_take_a_snapshot_leaves_only_the_refusal(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    with pytest.raises(NotAllowed):
        take(sqlite_store, tmp_path, actor=system("watch"))
    with sqlite_store.read() as db:
        assert queries.snapshots(db, W) == []
        assert audit.verify(db)


def test_ids_with_leading_zeros_stay_what_they_are(sqlite_store: Store, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(f"id,at,x,y\n007,{iso(NOW)},1.0,true\n")
    rows = Table.from_bytes(sqlite_store.blobs.get(take(sqlite_store, tmp_path).digest))
    assert rows.arrow()["id"].to_pylist() == ["007"]


def test_a_slice_holds_only_its_stretch_and_is_a_blob_of_its_own(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    taken = take(sqlite_store, tmp_path)
    digest, count = snapshots.slice_of(sqlite_store, taken, NOW - 5 * DAY_MS, NOW - 2 * DAY_MS)
    rows = Table.from_bytes(sqlite_store.blobs.get(digest))
    assert (count, len(rows)) == (3, 3)
    assert digest != taken.digest
    assert (rows.time.min(), rows.time.max()) == (NOW - 5 * DAY_MS, NOW - 3 * DAY_MS)
    assert rows.roles["y"] == "label"


def test_slices_of_neighbours_share_no_row_and_miss_none(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    taken, middle = take(sqlite_store, tmp_path), NOW - 3 * DAY_MS
    parts = [snapshots.slice_of(sqlite_store, taken, None, middle), snapshots.slice_of(sqlite_store, taken, middle, None)]
    keys = [Table.from_bytes(sqlite_store.blobs.get(digest)).arrow()["id"].to_pylist() for digest, _ in parts]
    assert not set(keys[0]) & set(keys[1])
    assert len(keys[0]) + len(keys[1]) == taken.rows


def test_snapshots_are_listed_newest_first_as_json(sqlite_store: Store, tmp_path: Path) -> None:
    write(tmp_path, 10)
    take(sqlite_store, tmp_path, NOW - DAY_MS)
    newest = take(sqlite_store, tmp_path)
    with sqlite_store.read() as db:
        found = queries.snapshots(db, W, "d")
        assert len(queries.snapshots(db, W, "d", limit=1)) == 1
        assert queries.snapshots(db, "other") == []
    assert found[0]["digest"] == newest.digest
    assert json.loads(json.dumps(found))[0]["rows"] == newest.rows

"""Snapshots: a dataset as of business now, kept by content; and slices of one, each a blob of its own.

A file that holds the whole year is cut at now. A slice is what a task may fetch: so training can never read a held-out row.
"""

from pathlib import Path

import pyarrow as pa
from sqlalchemy import select, update

from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.data import source
from regie.data.columns import figures
from regie.data.contract import ContractBroken, check
from regie.data.holdout import inside
from regie.data.queries import read_snapshot
from regie.data.table import Table
from regie.data.tables import snapshots
from regie.data.types import ContractReport, Snapshot
from regie.spec.document import DatasetSpec
from regie.store.change import Store, remembered, upsert
from regie.store.types import Actor, Cause


def take(
    store: Store, actor: Actor, workspace: str, name: str, spec: DatasetSpec, root: Path, now_ms: int, cause: Cause
) -> Snapshot:  # fmt: skip
    """Read the source as of now, check its contract, and keep it. The same content is the same snapshot.

    Raises ContractBroken after storing the report and the event; the rows themselves are kept for looking, never trained on.
    """
    table, report = seen(name, spec, root, now_ms)
    # Nothing of it is readable from outside before the change below commits: the blob has no name yet.
    digest, columns = store.blobs.put(table.to_bytes()), canonical(figures(table))
    with store.change(actor, "snapshot.create", f"{name}@{digest[7:19]}", workspace=workspace, cause=cause) as tx:
        times = table.time if spec.time is not None and report.ok and len(table) else None
        row = {
            "id": new_id(), "workspace": workspace, "dataset": name, "digest": digest, "rows": len(table), "as_of_ms": now_ms,
            "from_ms": int(times.min()) if times is not None else None, "to_ms": int(times.max()) if times is not None else None,
            "state": "ok" if report.ok else "broken", "contract": canonical(report.to_json()), "columns": columns,
            "cause": remembered(cause), "created_ms": tx.now_ms,
        }  # fmt: skip
        same = (snapshots.c.workspace == workspace, snapshots.c.dataset == name, snapshots.c.digest == digest)
        # Rows that did not change may grow too old, and a contract may be mended: then the verdict on them is another one.
        judged = {one: row[one] for one in ("state", "contract", "cause", "as_of_ms")}
        again = update(snapshots).where(*same, snapshots.c.state != row["state"]).values(judged)
        is_new = tx.execute(upsert(tx.connection, snapshots, row, ["workspace", "dataset", "digest"], keep=True)).rowcount
        if is_new or tx.execute(again).rowcount:
            _announce(tx_event=tx.event, name=name, digest=digest, report=report)
        snapshot = read_snapshot(tx.execute(select(snapshots).where(*same)).one())
    if not report.ok:
        raise ContractBroken(name, report)
    return snapshot


def seen(name: str, spec: DatasetSpec, root: Path, now_ms: int) -> tuple[Table, ContractReport]:
    """The source as of now, and which rules of its contract it breaks; nothing is stored."""
    rows = _as_of(source.read(spec.source, root, name, _texts(spec)), spec, now_ms)
    return check(rows, spec, now_ms)


def _announce(tx_event: object, name: str, digest: str, report: ContractReport) -> None:
    assert callable(tx_event)
    if report.ok:
        tx_event("snapshot.created", f"{name}@{digest[7:19]}", digest=digest, rows=report.rows)
    else:
        rules = [{"rule": one.rule, "rows": one.rows, "seen": one.seen} for one in report.broken]
        tx_event("data.contract_broken", name, because=report.broken[0].text, digest=digest, rules=rules)


def _texts(spec: DatasetSpec) -> list[str]:
    """The columns that are text whatever they look like: `007` is no number where a key or a `str` was promised."""
    promised = [name for name, column in spec.columns.items() if column.type.type in ("str", "cat")]
    return [*promised, *(name for name in spec.key if name not in spec.columns)]


def _as_of(rows: pa.Table, spec: DatasetSpec, now_ms: int) -> pa.Table:
    """The rows up to now. A time that cannot be read stays, for the contract to count."""
    if spec.time is None or spec.time not in rows.column_names:
        return rows
    cast, _ = check(rows.select([spec.time]), DatasetSpec(spec.name, spec.source, time=spec.time), now_ms)
    later = pa.compute.greater(cast.arrow()[spec.time].cast(pa.int64()), now_ms)
    return rows.filter(pa.compute.invert(pa.compute.fill_null(later, False)))


def slice_of(store: Store, snapshot: Snapshot, from_ms: int | None, to_ms: int | None) -> tuple[str, int]:
    """The rows of a stretch as a blob of their own: its digest, and how many they are."""
    whole = Table.from_bytes(store.blobs.get(snapshot.digest), snapshot.dataset)
    rows = whole.arrow().filter(pa.array(inside(whole.time, from_ms, to_ms)))
    part = Table(rows, whole.roles, whole.name)
    return store.blobs.put(part.to_bytes()), len(part)

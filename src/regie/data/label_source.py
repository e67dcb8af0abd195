"""Labels from a dataset: what its mature rows say, stated by key and time of the predictions.

Only what is new or has changed since the dataset was last looked at is stated, so that it may be done again at any time; a changed
value is a revision, a value that became null takes the label back. A row that has left the source says nothing. A statement that
came by another way is never undone: the dataset speaks again only when it says something new.

Times are business milliseconds. Memory: the source, and the newest statements about its stretch of time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from regie.base.canonical import digest
from regie.base.errors import BadInput, Conflict
from regie.base.ids import new_id
from regie.data import labels, snapshots
from regie.data.contract import ContractBroken
from regie.data.table import Table
from regie.data.tables import labels as statements
from regie.data.types import ContractReport
from regie.spec.document import DatasetSpec, Spec
from regie.store import leases
from regie.store.change import Store

BATCH = 10_000
LEASE_MS = 60_000
KEYS = ["key", "time_ms"]


@dataclass(frozen=True)
class Outcome:
    """How many labels were stated for the first time, stated anew with another value, and left as they were."""

    stated: int
    revised: int
    unchanged: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def state(store: Store, workspace: str, name: str, spec: Spec, root: Path, now_ms: int) -> Outcome:
    """State the labels of a dataset's mature rows. Writes in batches: what a crash leaves out, the next call states.

    Raises BadInput for a dataset without label, key or time, ContractBroken where one of these columns breaks its contract,
    Conflict while another caller does the same.
    """
    rows = mature_rows(name, spec, root, now_ms)
    said = f"dataset:{name}"[:128]
    with _alone(store, workspace, name) as still_alone:
        fresh, outcome = _news(rows, _before(store, workspace, said, rows))
        for piece in fresh.to_batches(BATCH):
            still_alone()
            made = [{**row, "source": said, "stated_ms": now_ms} for row in piece.to_pylist()]
            labels.state(store, workspace, made)
    return outcome


def mature_rows(name: str, spec: Spec, root: Path, now_ms: int) -> pa.Table:
    """`key`, `time_ms`, `value` of the rows whose label is known whatever it is; of rows with one key and time the last."""
    dataset = spec.data[name]
    if dataset.label is None or not dataset.key or dataset.time is None:
        missing = "label" if dataset.label is None else "time" if dataset.key else "key"
        do = "labels are stated by key and time: the dataset needs `key`, `time` and `label`"
        raise BadInput(f"the dataset has no {missing}", f"data.{name}", do)
    until_ms = now_ms - dataset.label.known_after_ms
    table, report = snapshots.seen(name, _asked(dataset, dataset.label.column), root, until_ms)
    if dataset.label.column not in table.columns:
        raise BadInput(f"there is no column {dataset.label.column}", f"data.{name}.label", f"one of {', '.join(table.columns)}")
    needed = {*dataset.key, dataset.time, dataset.label.column}
    broken = tuple(one for one in report.broken if one.column in needed)
    if broken:
        raise ContractBroken(name, ContractReport(report.rows, broken))
    times = pa.array(table.time, pa.int64())
    rows = pa.table({"key": _keys(table, dataset), "time_ms": times, "value": table.arrow()[dataset.label.column]})
    _check_values(rows["value"], spec, name, dataset.label.column)
    return _last_of_each(rows)


def _asked(dataset: DatasetSpec, label: str) -> DatasetSpec:
    """The dataset without its checks, and with labels that may be missing: a drifting feature must not hold labels back."""
    columns = dict(dataset.columns)
    if label in columns:
        columns[label] = replace(columns[label], type=replace(columns[label].type, nullable=True))
    return replace(dataset, columns=columns, checks=())


def _keys(table: Table, dataset: DatasetSpec) -> Any:
    """The key as the prediction log writes it: a text a row, several columns joined by `|`."""
    texts = [_text(table.arrow()[column], f"data.{dataset.name}, column {column}") for column in dataset.key]
    keys = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "|")
    longest = pc.max(pc.utf8_length(keys)).as_py() or 0
    if longest > labels.TEXT_CHARS:
        do = f"a key has at most {labels.TEXT_CHARS} characters"
        raise BadInput(f"a key has {longest} characters", f"data.{dataset.name}.key", do)
    return keys


def _text(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
        return column.cast(pa.string())
    if not pa.types.is_floating(column.type):
        raise BadInput(f"a key of the type {column.type} cannot be sent with a prediction", where, "use text or numbers")
    coded = column.combine_chunks().dictionary_encode()
    texts = [str(int(one)) if one.is_integer() else str(one) for one in coded.dictionary.to_pylist()]  # 3.0 is 3 in JSON
    return pa.chunked_array([pa.array(texts, pa.string()).take(coded.indices)])


def _check_values(values: pa.ChunkedArray, spec: Spec, name: str, column: str) -> None:
    """Raises BadInput for a label that cannot belong to the task."""
    where, do = f"data.{name}, column {column}", "correct the source, or `task` and `positive`"
    if not (pa.types.is_boolean(values.type) or pa.types.is_string(values.type) or pa.types.is_integer(values.type)
            or pa.types.is_floating(values.type)):  # fmt: skip
        raise BadInput(f"a {values.type} cannot be a label", where, do)
    task, classes = spec.model.task if spec.model else None, labels.classes_of(spec)
    for value in pc.unique(values).to_pylist():
        if value is None:
            continue
        if isinstance(value, str) and len(value) > labels.TEXT_CHARS:
            raise BadInput(f"a label has {len(value)} characters", where, f"at most {labels.TEXT_CHARS}")
        if wrong := labels.misfit(value, task, classes):
            raise BadInput(f"{str(value)[:60]} cannot be a label: {wrong}", where, do)


def _last_of_each(rows: pa.Table) -> pa.Table:
    """One row a key and time: what stands last in the source."""
    numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
    last = numbered.group_by(KEYS).aggregate([("row", "max")])["row_max"]
    return rows.take(last.take(pc.sort_indices(last)))


def _before(store: Store, workspace: str, said: str, rows: pa.Table) -> pa.Table:
    """What the dataset said last of each key and time in its stretch: `key`, `time_ms`, `number`, `text`, `known`."""
    span = pc.min_max(rows["time_ms"]).as_py()
    query = (
        select(statements.c.key, statements.c.target_ms, statements.c.value, statements.c.text)
        .where(statements.c.workspace == workspace, statements.c.prediction_id.is_(None), statements.c.source == said)
        .where(statements.c.target_ms.between(span["min"] or 0, span["max"] or 0))
        .order_by(statements.c.stated_ms, statements.c.seq)
    )
    with store.read() as db:
        last = {(row.key, row.target_ms): (row.value, row.text) for row in db.execute(query)}
    return pa.table({
        "key": pa.array([key for key, _ in last], pa.string()), "time_ms": pa.array([time for _, time in last], pa.int64()),
        "number": pa.array([value for value, _ in last.values()], pa.float64()),
        "text": pa.array([text for _, text in last.values()], pa.string()), "known": pa.array([True] * len(last), pa.bool_()),
    })  # fmt: skip


def _news(rows: pa.Table, before: pa.Table) -> tuple[pa.Table, Outcome]:
    """The rows to state, and the counts. A row without a label is news only where there was one."""
    both = rows.join(before, KEYS, join_type="left outer").combine_chunks()
    value, known = both["value"], pc.fill_null(both["known"], False)
    was = both["text"] if pa.types.is_string(value.type) else both["number"]
    now = value if pa.types.is_string(value.type) else value.cast(pa.float64())
    other = both["number"] if pa.types.is_string(value.type) else both["text"]
    same = pc.or_(pc.fill_null(pc.equal(now, was), False), pc.and_(pc.is_null(now), pc.is_null(was)))
    changed = pc.and_(known, pc.or_(pc.invert(same), pc.is_valid(other)))  # the label's type may have become another one
    new = pc.and_(pc.invert(known), pc.is_valid(value))
    news = both.filter(pc.or_(changed, new)).select([*KEYS, "value"]).sort_by([("time_ms", "ascending"), ("key", "ascending")])
    stated, revised = _count(new), _count(changed)
    return news, Outcome(stated, revised, _count(known) - revised)


def _count(mask: Any) -> int:
    return int(pc.sum(mask.cast(pa.int64())).as_py() or 0)


@contextmanager
def _alone(store: Store, workspace: str, name: str) -> Iterator[Any]:
    """One caller a dataset at a time: two at once would state everything twice. Yields what extends the hold."""
    lease, owner = "labels:" + digest([workspace, name]).removeprefix("sha256:")[:40], new_id()

    def hold() -> None:
        if not leases.hold(store, lease, owner, LEASE_MS):
            raise Conflict("its labels are being stated by somebody else", f"data.{name}", "wait, then repeat")

    hold()
    try:
        yield hold
    finally:
        leases.release(store, lease, owner)

"""Reads of traces, what is said of them, their spans and assessments."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, case, func, select

from regie.base.errors import NotFound
from regie.tracking import artifacts
from regie.tracking.traces.tables import assessments, spans, trace_metadata, trace_tags, traces
from regie.tracking.traces.types import Assessment, Trace, TraceData

COLUMNS = [traces.c[name] for name in Trace.__dataclass_fields__]
PIECE = 500  # ids in one IN list
FILE = "traces.json"  # what the client leaves of spans that the server did not take


def _said(table: Table, *columns: Any) -> Select[Any]:
    """What a table says of some traces, by their keys."""
    return select(*(columns or (table,))).where(table.c.trace.in_(bindparam("keys", expanding=True)))


# Built once: building a statement costs more than running it.
_TRACES = select(*COLUMNS).where(traces.c.workspace == bindparam("workspace"), traces.c.id.in_(bindparam("ids", expanding=True)))
_TAGS = _said(trace_tags).order_by(trace_tags.c.trace, trace_tags.c.key)
_METADATA = _said(trace_metadata).order_by(trace_metadata.c.trace, trace_metadata.c.key)
_ASSESSMENTS = _said(assessments).order_by(assessments.c.created_wall_ms, assessments.c.id)
_COUNTS = _said(spans, spans.c.trace, func.count().label("here")).group_by(spans.c.trace)
_ROOT_FIRST = case((spans.c.parent_id == "", 0), else_=1)
_CONTENTS = _said(spans, spans.c.trace, spans.c.content).order_by(spans.c.trace, _ROOT_FIRST, spans.c.start_ns, spans.c.id)


def trace(db: Connection, workspace: str, trace_id: str) -> Trace:
    """Raises NotFound, also for the trace of another workspace."""
    found = traces_of(db, workspace, [trace_id])
    if not found:
        raise NotFound(f"Trace with ID '{trace_id}' not found", workspace, "search_traces shows them")
    return found[0]


def traces_of(db: Connection, workspace: str, trace_ids: Sequence[str]) -> list[Trace]:
    """Those of the traces that are there, in the order in which they were named."""
    found: dict[str, Trace] = {}
    for piece in _pieces(list(dict.fromkeys(trace_ids))):
        rows = db.execute(_TRACES, {"workspace": workspace, "ids": piece})
        found |= {row.id: Trace(**row._mapping) for row in rows}
    return [found[one] for one in dict.fromkeys(trace_ids) if one in found]


def data(db: Connection, found: Sequence[Trace]) -> dict[int, TraceData]:
    """What is said of traces, by their key: one statement a table."""
    said = {one.key: TraceData() for one in found}
    for piece in _pieces(list(said)):
        for row in db.execute(_TAGS, {"keys": piece}):
            said[row.trace].tags[row.key] = row.value
        for row in db.execute(_METADATA, {"keys": piece}):
            said[row.trace].metadata[row.key] = row.value
        for row in db.execute(_ASSESSMENTS, {"keys": piece}):
            said[row.trace].assessments.append(_assessment(row))
        for row in db.execute(_COUNTS, {"keys": piece}):
            said[row.trace].spans = row.here
    for one in found:
        if one.has_spans and not said[one.key].complete:
            said[one.key].left = artifacts.one(db, one.workspace, one.root, FILE) is not None
    return said


def span_contents(db: Connection, found: Sequence[Trace]) -> dict[int, list[str]]:
    """The JSON of each span, by the key of its trace: the root first, then as they started."""
    texts: dict[int, list[str]] = defaultdict(list)
    for piece in _pieces([one.key for one in found if one.has_spans]):
        for row in db.execute(_CONTENTS, {"keys": piece}):
            texts[row.trace].append(row.content)
    return texts


def assessment(db: Connection, of: Trace, assessment_id: str) -> Assessment:
    """Raises NotFound."""
    same = (assessments.c.trace == of.key, assessments.c.id == assessment_id)
    row = db.execute(select(assessments).where(*same)).first()
    if row is None:
        raise NotFound(
            f"Assessment with ID '{assessment_id}' not found for trace '{of.id}'", of.id, "the trace shows its assessments"
        )
    return _assessment(row)


def _assessment(row: Any) -> Assessment:
    said = {name: value for name, value in row._mapping.items() if name not in ("trace", "number")}
    said |= {"value": json.loads(row.value), "metadata": json.loads(row.metadata or "{}")}
    return Assessment(**said | {"error": json.loads(row.error) if row.error else None})


def _pieces(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]

"""What people and programs think of traces: feedback, expectations, and how one overrides another.

The caller has checked the right to write. Each of these changes one trace, which nobody else changes meanwhile.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select, update

from regie.base.clock import wall_ms
from regie.base.errors import BadInput
from regie.store.change import Batch, Store
from regie.tracking.traces import queries
from regie.tracking.traces.tables import assessments
from regie.tracking.traces.types import KINDS, Assessment, Trace
from regie.tracking.traces.writes import locked, put


def log(store: Store, workspace: str, trace_id: str, said: Assessment) -> Assessment:
    """Keep an assessment; the one that it overrides is no longer valid. Raises NotFound."""
    with store.measure() as batch:
        of = locked(batch, workspace, trace_id)
        if said.overrides:
            queries.assessment(batch.connection, of, said.overrides)
            _set_valid(batch, of, said.overrides, valid=False)
        row = row_of(of, said)
        if any(one.id == said.id for one in queries.data(batch.connection, [of])[of.key].assessments):
            raise BadInput(f"the assessment {said.id} is there already", trace_id, "leave the id out, or update it")
        put(batch, assessments, ["trace", "id"], [row])
    return said


def change(store: Store, workspace: str, trace_id: str, assessment_id: str, values: Mapping[str, Any]) -> Assessment:
    """Change an assessment: its metadata grows, what kind it is stays. Raises NotFound, BadInput."""
    with store.measure() as batch:
        of = locked(batch, workspace, trace_id)
        before = queries.assessment(batch.connection, of, assessment_id)
        if values.get("kind", before.kind) != before.kind:
            raise BadInput(f"Cannot update {values['kind']} value on {before.kind} assessment", assessment_id, "log another one")
        new = dict(values) | {"metadata": before.metadata | dict(values.get("metadata", {})), "updated_wall_ms": wall_ms()}
        after = before.changed(**new)
        put(batch, assessments, ["trace", "id"], [row_of(of, after)])
    return after


def forget(store: Store, workspace: str, trace_id: str, assessment_id: str) -> None:
    """Delete an assessment; the one that it overrode is valid again. Nothing happens where it is not there, as by stock."""
    with store.measure() as batch:
        of = locked(batch, workspace, trace_id)
        same = (assessments.c.trace == of.key, assessments.c.id == assessment_id)
        overridden = batch.connection.execute(select(assessments.c.overrides).where(*same)).scalar()
        if overridden:
            _set_valid(batch, of, overridden, valid=True)
        batch.execute(delete(assessments).where(*same))


def _set_valid(batch: Batch, of: Trace, assessment_id: str, valid: bool) -> None:
    same = (assessments.c.trace == of.key, assessments.c.id == assessment_id)
    batch.execute(update(assessments).where(*same).values(valid=valid))


def row_of(of: Trace, said: Assessment) -> dict[str, Any]:
    if said.kind not in KINDS:
        raise BadInput(f"{said.kind!r} is no kind of assessment", said.name, "write one of " + ", ".join(KINDS))
    values = asdict(said) | {"trace": of.key, "number": said.number, "value": json.dumps(said.value, ensure_ascii=False)}
    error, more = said.error, said.metadata
    return values | {"error": json.dumps(error) if error else None, "metadata": json.dumps(more) if more else None}

"""What clients log of traces. Data, not changes: all of a request or nothing; what is sent again is there once.

A trace comes twice, in any order: as spans while it runs, and once as a whole when it has ended, which then counts. The caller has
checked the right to write. Raises NotFound for an unknown experiment, Conflict for a deleted one.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from regie.base.errors import BadInput, Conflict, NotFound
from regie.store.change import Batch, Store
from regie.tracking.tables import experiments
from regie.tracking.traces.assess import row_of
from regie.tracking.traces.tables import assessments, spans, trace_metadata, trace_runs, trace_tags, traces
from regie.tracking.traces.types import (
    FINALIZED,
    MAX_LINKS,
    OPEN_STATES,
    OUR_TAGS,
    RUN,
    USAGE,
    SpanSaid,
    Trace,
    TraceSaid,
    entries,
)
from regie.tracking.traces.writes import LOCK, locked, made, put, put_pairs

RUN_LENGTH = 32
TOKENS = ("input_tokens", "output_tokens", "total_tokens")
_LIFECYCLE = (
    select(experiments.c.lifecycle)
    .where(experiments.c.workspace == bindparam("workspace"), experiments.c.id == bindparam("experiment_id"))
    .with_for_update(read=True, key_share=True)
)


def log_spans(store: Store, workspace: str, experiment_id: str, creator: str, said: Sequence[SpanSaid]) -> None:
    """Keep spans; a trace that nobody has heard of begins with them, in this experiment."""
    of_trace: dict[str, list[SpanSaid]] = defaultdict(list)
    for one in said:
        of_trace[one.trace_id].append(one)
    with store.measure() as batch:
        _active(batch.connection, workspace, experiment_id)
        heard = {
            trace_id: _begun(trace_id, workspace, experiment_id, creator, of_trace[trace_id]) for trace_id in sorted(of_trace)
        }
        kept = made(batch, workspace, list(heard.values()))
        rows = [_span_row(kept[one.trace_id], one) for one in said]
        put(batch, spans, ["trace", "id"], rows)
        for trace_id, now in heard.items():
            _update(batch, kept[trace_id], _together(kept[trace_id], now))
            _follow(batch, kept[trace_id], of_trace[trace_id])


def _begun(trace_id: str, workspace: str, experiment_id: str, creator: str, said: Sequence[SpanSaid]) -> Trace:
    """The trace as its spans alone show it."""
    start = min(one.span.start_ns for one in said) // 1_000_000
    end = max(one.span.end_ns for one in said) // 1_000_000
    root = next((one for one in said if not one.span.parent_id), None)
    state = "IN_PROGRESS" if root is None else "ERROR" if root.span.status == "ERROR" else "OK"
    previews = (root.request_preview, root.response_preview) if root else (None, None)
    return Trace(0, trace_id, workspace, experiment_id, creator, start, max(end - start, 0) if end else None, state, None,
                 *previews, final=False, has_spans=True)  # fmt: skip


def _together(known: Trace, now: Trace) -> Trace:
    """What is known of a trace, and what newer spans add to it."""
    merged = replace(
        known, has_spans=True, state=now.state if known.state in OPEN_STATES and now.state != "IN_PROGRESS" else known.state,
        request_preview=now.request_preview if known.request_preview is None else known.request_preview,
        response_preview=now.response_preview if known.response_preview is None else known.response_preview,
    )  # fmt: skip
    if known.final:
        return merged
    start = min(known.start_wall_ms, now.start_wall_ms)
    ends = [one.start_wall_ms + one.duration_wall_ms for one in (known, now) if one.duration_wall_ms is not None]
    return replace(merged, start_wall_ms=start, duration_wall_ms=max(ends) - start if ends else None)


def _follow(batch: Batch, known: Trace, said: Sequence[SpanSaid]) -> None:
    """Tags, metadata and tokens that spans speak of. What the client said of the whole trace stands above them."""
    tags = {key: value for one in said for key, value in one.tags.items() if key not in OUR_TAGS}
    put_pairs(batch, trace_tags, known.key, tags, keep=known.final)
    found = {key: value for one in said for key, value in one.metadata.items()}
    put_pairs(batch, trace_metadata, known.key, found, keep=True)
    if not known.final and any(one.usage for one in said):
        query = select(spans.c.id, spans.c.parent_id, spans.c.usage).where(spans.c.trace == known.key)
        cost = json.dumps(tokens([tuple(row) for row in batch.connection.execute(query)]))
        put_pairs(batch, trace_metadata, known.key, {USAGE: cost})


def tokens(nodes: Sequence[tuple[str, str, str | None]]) -> dict[str, int]:
    """The tokens of a tree of spans (id, parent, usage as JSON). What a span reports includes what lies below it."""
    there, tops = {span for span, _, _ in nodes}, list[tuple[str, str | None]]()
    below: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for span, parent, usage in nodes:
        (below[parent] if parent in there else tops).append((span, usage))
    total: dict[str, int] = dict.fromkeys(TOKENS, 0)
    left = [(one, False) for one in tops]
    while left:
        (span, usage), counted = left.pop()
        for name, count in json.loads(usage).items() if usage and not counted else ():
            total[name] = total.get(name, 0) + count
        left += [(one, counted or bool(usage)) for one in below[span]]
    return total


def _span_row(of: Trace, said: SpanSaid) -> dict[str, Any]:
    row = {name: value for name, value in asdict(said.span).items() if name != "end_ns"}
    return row | {"trace": of.key, "usage": json.dumps(said.usage) if said.usage else None}


def log_trace(store: Store, workspace: str, experiment_id: str, creator: str, said: TraceSaid, final: bool = True) -> Trace:
    """Keep what a client says of a whole trace. With `final`, it counts more than what spans say."""
    tags = {key: value for key, value in entries(said.tags, "tags").items() if key not in OUR_TAGS}
    facts = {key: value for key, value in entries(said.metadata, "trace_metadata").items() if key != FINALIZED}
    names = ("start_wall_ms", "duration_wall_ms", "state", "client_request_id", "request_preview", "response_preview")
    known = {name: getattr(said, name) for name in names}
    now = Trace(0, said.id, workspace, experiment_id, creator, **known, final=final, has_spans=False)
    with store.measure() as batch:
        _active(batch.connection, workspace, experiment_id)
        before = made(batch, workspace, [now])[said.id]
        after = replace(
            now, key=before.key, creator=before.creator, has_spans=before.has_spans,
            request_preview=now.request_preview if now.request_preview is not None else before.request_preview,
            response_preview=now.response_preview if now.response_preview is not None else before.response_preview,
        )  # fmt: skip
        _update(batch, before, after)
        put_pairs(batch, trace_tags, after.key, tags)
        put_pairs(batch, trace_metadata, after.key, facts)
        _of_run(batch, after, facts.get(RUN, ""))
        put(batch, assessments, ["trace", "id"], [row_of(after, one) for one in said.assessments])
    return after


def end_trace(
    store: Store, workspace: str, trace_id: str, end_wall_ms: int, state: str, tags: Mapping[str, str], facts: Mapping[str, str]
) -> Trace:
    """How a trace ended that was begun by `log_trace`: what older clients say."""
    with store.measure() as batch:
        before = locked(batch, workspace, trace_id)
        after = replace(before, duration_wall_ms=end_wall_ms - before.start_wall_ms, state=state, final=True)
        _update(batch, before, after)
        told = {key: value for key, value in entries(dict(tags), "tags").items() if key not in OUR_TAGS}
        put_pairs(batch, trace_tags, after.key, told)
        put_pairs(batch, trace_metadata, after.key, entries(dict(facts), "request_metadata"))
        _of_run(batch, after, facts.get(RUN, ""))
    return after


def _of_run(batch: Batch, trace: Trace, run_id: str) -> None:
    """The run in which it was made, beside those to which it is linked: to be found without a walk through all metadata."""
    if 0 < len(run_id) <= RUN_LENGTH:
        put(batch, trace_runs, ["run_id", "trace"], [{"run_id": run_id, "trace": trace.key}], keep=True)


def _active(db: Connection, workspace: str, experiment_id: str) -> None:
    """Nobody removes the experiment before the batch is written."""
    lifecycle = db.execute(_LIFECYCLE, {"workspace": workspace, "experiment_id": experiment_id}).scalar()
    if lifecycle is None:
        raise NotFound(f"there is no experiment with the id {experiment_id}", workspace, "search_experiments shows them")
    if lifecycle != "active":
        raise Conflict(f"the experiment {experiment_id} was deleted", workspace, "restore it first")


def _update(batch: Batch, before: Trace, after: Trace) -> None:
    new = {name: value for name, value in asdict(after).items() if getattr(before, name) != value}
    if new:
        batch.execute(update(traces).where(traces.c.key == before.key).values(**new))


def set_tag(store: Store, workspace: str, trace_id: str, key: str, value: str) -> None:
    """Raises NotFound for an unknown trace."""
    with store.measure() as batch:
        put_pairs(batch, trace_tags, locked(batch, workspace, trace_id).key, entries({key: value}, "key"))


def delete_tag(store: Store, workspace: str, trace_id: str, key: str) -> None:
    """Raises NotFound for an unknown trace or tag."""
    with store.measure() as batch:
        same = (trace_tags.c.trace == locked(batch, workspace, trace_id).key, trace_tags.c.key == key)
        if not batch.execute(delete(trace_tags).where(*same)).rowcount:
            raise NotFound(f"No trace tag with key '{key}' for trace with ID '{trace_id}'", trace_id, "look at the trace's tags")


def link(store: Store, workspace: str, trace_ids: Iterable[str], run_id: str) -> None:
    """Say that traces belong to a run, besides the one that was active. Traces that are not there are left out, as by stock."""
    ids = list(dict.fromkeys(trace_ids))
    if len(ids) > MAX_LINKS:
        raise BadInput(f"{len(ids)} traces in one request", "trace_ids", f"link at most {MAX_LINKS} at once")
    with store.measure() as batch:
        found = batch.connection.execute(LOCK, {"workspace": workspace, "ids": ids})
        rows = [{"run_id": run_id, "trace": one.key} for one in found]
        put(batch, trace_runs, ["run_id", "trace"], rows, keep=True)

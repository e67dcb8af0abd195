"""Traces come as spans and as a whole, in any order and more than once, and are the same in the end."""

import json
from dataclasses import replace
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regie.base.ids import new_id
from regie.store.change import Batch
from regie.store.types import LOCAL
from regie.tracking import changes as tracking
from regie.tracking.traces import changes, measure, queries, tables
from regie.tracking.traces.types import Span, SpanSaid, TraceSaid

WORKSPACE = "w"
START = 1_700_000_000_000


def experiment(store) -> str:
    with store.change(LOCAL, "experiment.create", "e", workspace=WORKSPACE) as tx:
        return tracking.ensure_experiment(tx, "e")


def span(trace_id: str, number: int, parent: int = 0, start: int = 0, end: int = 10, usage: int = 0) -> SpanSaid:
    """Times in milliseconds after the start."""
    said = Span(
        f"{number:016x}", f"{parent:016x}" if parent else "", f"s{number}", "LLM", "OK", (START + start) * 1_000_000,
        (START + end) * 1_000_000, json.dumps({"name": f"s{number}"}),
    )  # fmt: skip
    return SpanSaid(trace_id, said, request_preview=None if parent else "asked", usage={"total_tokens": usage} if usage else None)


def shown(store, trace_id: str) -> tuple:
    with store.read() as db:
        one = queries.trace(db, WORKSPACE, trace_id)
        return replace(one, key=0, id="", creator=""), queries.data(db, [one])[one.key], queries.span_contents(db, [one])[one.key]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.permutations(["root", "child", "grandchild", "whole"]), st.sampled_from(["root", "child", "whole"]))
def test_in_whatever_order_its_parts_come_and_come_again_a_trace_is_the_same(sqlite_store, order, again):
    where = experiment(sqlite_store)

    def come(trace_id: str, part: str) -> None:
        spans = {
            "root": span(trace_id, 1, end=50, usage=7), "child": span(trace_id, 2, 1, 5, 60, usage=5),
            "grandchild": span(trace_id, 3, 2, 6, 9),
        }  # fmt: skip
        if part == "whole":
            said = TraceSaid(trace_id, START - 1, 70, "OK", tags={"k": "v"}, metadata={"mlflow.trace.tokenUsage": "all"})
            measure.log_trace(sqlite_store, WORKSPACE, where, "ann", said)
        else:
            measure.log_spans(sqlite_store, WORKSPACE, where, "ann", [spans[part]])

    one, other = new_id(), new_id()
    for part in [*order, again]:
        come(one, part)
    for part in ("root", "child", "grandchild", "whole"):
        come(other, part)
    assert shown(sqlite_store, one) == shown(sqlite_store, other)


def test_without_a_word_of_the_whole_a_trace_is_what_its_spans_say(sqlite_store):
    where = experiment(sqlite_store)
    measure.log_spans(sqlite_store, WORKSPACE, where, "ann", [span("t", 2, 1, start=5, end=60, usage=5)])
    assert shown(sqlite_store, "t")[0].state == "IN_PROGRESS"
    measure.log_spans(sqlite_store, WORKSPACE, where, "ann", [span("t", 1, start=-20, end=50)])
    trace, data, contents = shown(sqlite_store, "t")
    assert (trace.state, trace.start_wall_ms, trace.duration_wall_ms, trace.request_preview) == ("OK", START - 20, 80, "asked")
    assert json.loads(data.metadata["mlflow.trace.tokenUsage"])["total_tokens"] == 5
    assert [json.loads(text)["name"] for text in contents] == ["s1", "s2"]


def test_a_span_that_is_sent_again_even_in_one_request_is_there_once_as_it_came_last(store):
    where = experiment(store)
    for said in ([span("t", 1, end=5), span("t", 1, end=9)], [span("t", 1, end=9)]):
        measure.log_spans(store, WORKSPACE, where, "ann", said)
    trace, _, contents = shown(store, "t")
    assert (trace.duration_wall_ms, len(contents)) == (9, 1)


@pytest.mark.parametrize(("nodes", "total"), [
    ([("a", "", 7), ("b", "a", 5)], 7),  # a parent reports for those below
    ([("a", "", 0), ("b", "a", 5), ("c", "a", 6)], 11),
    ([("a", "", 0), ("b", "a", 5), ("c", "b", 0), ("d", "c", 6)], 5),
    ([("b", "missing", 5), ("c", "missing", 6)], 11),
    ([("a", "b", 5), ("b", "a", 6)], 0),  # a circle has no top
    ([("a", "a", 5)], 0),
    ([], 0),
])  # fmt: skip
def test_tokens_are_counted_once_however_many_spans_report_them(nodes, total):
    said = [(one, parent, json.dumps({"total_tokens": usage}) if usage else None) for one, parent, usage in nodes]
    assert measure.tokens(said)["total_tokens"] == total


def test_whoever_writes_while_another_deletes_neither_fails_nor_leaves_orphans(store):
    where, failures = experiment(store), list[Exception]()

    def write() -> None:
        try:
            for number in range(30):
                measure.log_spans(store, WORKSPACE, where, "ann", [span("t", number + 1), span("u", number + 1)])
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with store.change(LOCAL, "experiment.change", where, workspace=WORKSPACE) as tx:
            changes.delete_traces(tx, where, until_wall_ms=START * 2)
    assert failures == []
    with store.database.write() as connection:
        keys = [row.key for row in connection.execute(tables.traces.select())]
        changes.purge(Batch(connection, "measurement"), keys)
        assert not connection.execute(tables.spans.select()).all()
        assert not connection.execute(tables.traces.select()).all()

import math
import re
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regie.base.errors import BadInput, Conflict, NotFound
from regie.store.types import LOCAL
from regie.tracking import changes, measure, queries, search
from regie.tracking.filter import Clause, Order
from regie.tracking.types import ParamChanged, RunDeleted

WORKSPACE = "w"
VALUES = ["a", "A", "ab", "aB", "*", "a%", "_", "b[", "\\"]


def started(store, name="r", **said) -> str:
    with store.change(LOCAL, "run.create", name, workspace=WORKSPACE) as tx:
        return changes.create_run(tx, changes.ensure_experiment(tx, "e"), name, **said)


def matches(pattern: str, value: str, ignore_case: bool = False) -> bool:
    text = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(text, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def holds(clause: Clause, params: dict[str, str], metrics: dict[str, float]) -> bool:
    """The oracle: the same clause over plain dictionaries."""
    found = (metrics if clause.kind == "metric" else params).get(clause.key)
    if clause.operator in ("IS NULL", "IS NOT NULL"):
        return (found is None) == (clause.operator == "IS NULL")
    if found is None:
        return False
    if isinstance(found, float) and math.isnan(found):
        return clause.operator == "!="  # unequal to every number, and neither above nor below any
    value = clause.value
    return {
        "=": lambda: found == value, "!=": lambda: found != value, "<": lambda: found < value, ">=": lambda: found >= value,
        "LIKE": lambda: matches(value, found), "ILIKE": lambda: matches(value, found, True),
        "IN": lambda: found in value, "NOT IN": lambda: found not in value,
    }[clause.operator]()  # fmt: skip


def of_params(operators: list[str], values: st.SearchStrategy) -> st.SearchStrategy[Clause]:
    return st.builds(Clause, st.just("param"), st.sampled_from(["p", "q", "P"]), st.sampled_from(operators), values)


param_clauses = st.one_of(
    of_params(["=", "!=", "LIKE", "ILIKE"], st.sampled_from([*VALUES, "a%", "%", "_b"])),
    of_params(["IN", "NOT IN"], st.sampled_from([("a", "A"), ("ab",)])),
    of_params(["IS NULL", "IS NOT NULL"], st.none()),
)
metric_clauses = st.builds(
    Clause, st.just("metric"), st.just("m"), st.sampled_from(["=", "!=", "<", ">="]), st.sampled_from([0, 1, 0.5])
)
seen_runs = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["p", "q"]), st.sampled_from(VALUES)),
        st.dictionaries(st.just("m"), st.sampled_from([0.0, 0.5, 1.0, math.nan])),
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seen=seen_runs,
    clauses=st.lists(st.one_of(param_clauses, metric_clauses), min_size=1, max_size=3),
    orders=st.sampled_from([(), (Order("metric", "m"), Order("param", "p"))]),
)
def test_a_search_finds_what_an_oracle_finds_whatever_it_is_sorted_by(store, seen, clauses, orders):
    with store.change(LOCAL, "experiment.create", "x", workspace=WORKSPACE) as tx:
        experiment = changes.create_experiment(tx, uuid4().hex)
        ids = [changes.create_run(tx, experiment, "r") for _ in seen]
    for run_id, (params, metrics) in zip(ids, seen, strict=True):
        measure.log_batch(store, run_id, [(key, value, 1, 1) for key, value in metrics.items()], params)
    expected = {run_id for run_id, found in zip(ids, seen, strict=True) if all(holds(clause, *found) for clause in clauses)}
    with store.read() as db:
        found = search.runs_found(db, WORKSPACE, [experiment], clauses, orders).found
    assert {run.id for run in found} == expected


def test_a_batch_is_kept_whole_or_not_at_all(sqlite_store):
    run_id = started(sqlite_store)
    measure.log_batch(sqlite_store, run_id, params={"depth": "4"})
    with pytest.raises(ParamChanged):
        measure.log_batch(sqlite_store, run_id, [("m", 1.0, 1, 1)], {"new": "1", "depth": "5"}, {"t": "1"})
    with sqlite_store.read() as db:
        data = queries.data(db, run_id)
    assert (data.params, data.metrics, "t" in data.tags) == ({"depth": "4"}, [], False)


def test_a_run_that_could_not_be_created_leaves_no_tag(store):
    def half() -> None:
        with store.change(LOCAL, "run.create", "r", workspace=WORKSPACE) as tx:
            changes.create_run(tx, changes.ensure_experiment(tx, "gone"), "r", run_id="1" * 32, tags={"a": "b"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with store.read() as db:
        with pytest.raises(NotFound):
            queries.run(db, "1" * 32)
        assert queries.experiment_by_name(db, WORKSPACE, "gone") is None


def test_the_worker_ends_a_pipelines_run_once_and_a_client_never(store):
    run_id = started(store, tags={"regie.kind": "pipeline"})
    with store.change(LOCAL, "run.change", run_id, workspace=WORKSPACE) as tx:
        changes.update_run(tx, run_id, "FAILED", 5)
        assert tx.rows == 0
        assert changes.end_run(tx, run_id, "FINISHED")
        assert not changes.end_run(tx, run_id, "FAILED")
    with store.read() as db:
        assert queries.run(db, run_id).status == "FINISHED"


def test_a_deleted_run_takes_no_measurement(sqlite_store):
    run_id = started(sqlite_store)
    with sqlite_store.change(LOCAL, "run.change", run_id, workspace=WORKSPACE) as tx:
        changes.set_run_lifecycle(tx, run_id, "deleted")
    with pytest.raises(RunDeleted):
        measure.log_batch(sqlite_store, run_id, [("m", 1.0, 1, 1)])


def test_a_restored_experiment_brings_back_the_runs_that_went_with_it_only(sqlite_store):
    early, late = started(sqlite_store), started(sqlite_store)
    with sqlite_store.read() as db:
        experiment = queries.run(db, early).experiment_id
    with sqlite_store.change(LOCAL, "run.change", early, workspace=WORKSPACE) as tx:
        changes.set_run_lifecycle(tx, early, "deleted")
    for lifecycle in ("deleted", "active"):
        with sqlite_store.change(LOCAL, "experiment.change", experiment, workspace=WORKSPACE) as tx:
            changes.set_experiment_lifecycle(tx, experiment, lifecycle)
    with sqlite_store.read() as db:
        assert [queries.run(db, run_id).lifecycle for run_id in (early, late)] == ["deleted", "active"]


def test_a_deleted_experiment_still_owns_its_name(sqlite_store):
    run_id = started(sqlite_store)
    with sqlite_store.read() as db:
        experiment = queries.run(db, run_id).experiment_id
    with sqlite_store.change(LOCAL, "experiment.change", experiment, workspace=WORKSPACE) as tx:
        changes.set_experiment_lifecycle(tx, experiment, "deleted")
    with pytest.raises(Conflict), sqlite_store.change(LOCAL, "run.create", "r", workspace=WORKSPACE) as tx:
        changes.ensure_experiment(tx, "e")


@pytest.mark.parametrize("key", ["", "a" * 251, "a/../b", "/a", "..", ".", "a//b", "ä\n", "a\x00"])
def test_a_key_that_no_file_system_or_ui_can_hold_is_refused(sqlite_store, key):
    run_id = started(sqlite_store)
    with pytest.raises(BadInput):
        measure.log_batch(sqlite_store, run_id, [(key, 1.0, 1, 1)])

"""Labels from a dataset, on the real store: by key and time, only mature, only what is new, and a changed value revises."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from regie.base.clock import DAY_MS
from regie.base.errors import BadInput, Conflict
from regie.data import label_source, labels
from regie.data.contract import ContractBroken
from regie.data.label_source import Outcome
from regie.data.stated import statements_for
from regie.data.tables import labels as table
from regie.predictions.labels import Predictions, join
from regie.spec.document import Spec, TaskSpec
from regie.spec.load import load
from regie.store.change import Store

W = "flights"
DAY0 = 15_000 * DAY_MS
TEXT = """
regie: 1
workspace: flights
data:
  flights:
    source: rows.parquet
    key: {key}
    time: time
    columns:
      x: float 0..1
      late: {type}
    checks: [rows >= 1000]
    label: {{column: late, known_after: 1d}}
pipelines: {{train: {{run: flow:train}}}}
model: {{name: flights, task: {task}, gates: [{gate}]}}
"""


def promises(folder: Path, key: str = "id", type: str = "bool?", task: str = "binary", gate: str = "log_loss <= 0.9") -> Spec:
    (folder / "flow.py").write_text("")
    (folder / "regie.yaml").write_text(TEXT.format(key=key, type=type, task=task, gate=gate))
    return load(folder)


def write(folder: Path, **columns: Any) -> None:
    count = len(columns["time"])
    pq.write_table(pa.table({"x": [0.5] * count, **columns}), folder / "rows.parquet")


def at(day: float) -> int:
    return DAY0 + int(day * DAY_MS)


def stamps(*days: float) -> pa.Array:
    return pa.array([at(day) for day in days], pa.timestamp("ms", "UTC"))


def stated(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as db:
        rows = db.execute(select(table).order_by(table.c.seq)).all()
    return [(row.key, row.target_ms, row.value if row.text is None else row.text, row.stated_ms) for row in rows]


def truths(store: Store, key: str, day: float, as_of: int, positive: Any = True) -> list[float]:
    keys, ids = np.empty(1, object), np.empty(1, object)
    keys[0], ids[0] = key, "p1"
    with store.read() as db:
        found = statements_for(db, W, ["p1"], [key], as_of, positive)
    return join(Predictions(ids, keys, np.array([at(day)])), found, as_of, DAY_MS).value.tolist()


def test_mature_rows_are_stated_by_key_and_time_and_the_others_later(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=[7, 8, 9], time=stamps(0, 1, 1.5), late=[True, False, True])
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)) == Outcome(2, 0, 0)
    assert stated(sqlite_store) == [("7", at(0), 1.0, at(2)), ("8", at(1), 0.0, at(2))]
    assert truths(sqlite_store, "7", 0, at(2)) == [1.0]
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(3)) == Outcome(1, 0, 2)
    assert truths(sqlite_store, "9", 1.5, at(3)) == [1.0]


def test_the_same_dataset_again_states_nothing(store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=[True, None])
    assert label_source.state(store, W, "flights", spec, tmp_path, at(2)) == Outcome(1, 0, 0)
    assert label_source.state(store, W, "flights", spec, tmp_path, at(2)) == Outcome(0, 0, 1)
    assert len(stated(store)) == 1


def test_a_changed_value_revises_and_an_earlier_time_still_sees_the_former_one(store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=[True, True])
    label_source.state(store, W, "flights", spec, tmp_path, at(2))
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=[False, True])
    assert label_source.state(store, W, "flights", spec, tmp_path, at(3)) == Outcome(0, 1, 1)
    assert (truths(store, "a", 0, at(2)), truths(store, "a", 0, at(3))) == ([1.0], [0.0])
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=[True, True])  # back to the first value: a revision as well
    assert label_source.state(store, W, "flights", spec, tmp_path, at(4)) == Outcome(0, 1, 1)
    assert truths(store, "a", 0, at(4)) == [1.0]


def test_a_label_that_became_null_is_taken_back_once(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a"], time=stamps(0), late=[True])
    label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    write(tmp_path, id=["a"], time=stamps(0), late=pa.array([None], pa.bool_()))
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(3)) == Outcome(0, 1, 0)
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(3)) == Outcome(0, 0, 1)
    assert (truths(sqlite_store, "a", 0, at(2)), truths(sqlite_store, "a", 0, at(3))) == ([1.0], [])


def test_what_a_person_revised_is_not_undone_by_a_dataset_that_says_nothing_new(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a"], time=stamps(0), late=[True])
    label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    labels.state(sqlite_store, W, [{"key": "a", "time_ms": at(0), "value": False, "stated_ms": at(2.5)}])
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(3)) == Outcome(0, 0, 1)
    assert truths(sqlite_store, "a", 0, at(3)) == [0.0]


def test_a_key_of_several_columns_is_joined_as_the_prediction_log_joins_it(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path, key="[carrier, number]")
    write(tmp_path, carrier=["AA", "UA"], number=[3.0, 4.5], time=stamps(0, 0), late=[True, False])
    label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    assert [row[0] for row in stated(sqlite_store)] == ["AA|3", "UA|4.5"]


def test_of_two_rows_with_one_key_and_time_the_last_one_speaks_every_time(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a", "a"], time=stamps(0, 0), late=[True, False])
    for outcome in (Outcome(1, 0, 0), Outcome(0, 0, 1)):
        assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)) == outcome
    assert truths(sqlite_store, "a", 0, at(2)) == [0.0]


def test_classes_are_kept_as_text_and_counted_by_the_positive_one(store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path, type="cat[late, early]", task="{kind: binary, positive: late}")
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=["late", "early"])
    for outcome in (Outcome(2, 0, 0), Outcome(0, 0, 2)):
        assert label_source.state(store, W, "flights", spec, tmp_path, at(2)) == outcome
    assert [row[2] for row in stated(store)] == ["late", "early"]
    assert (truths(store, "a", 0, at(2), "late"), truths(store, "b", 0, at(2), "late")) == ([1.0], [0.0])


def test_a_label_that_breaks_its_contract_states_nothing_at_all(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path, type="float 0..5", task="regression", gate="mae <= 3")
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=[1.5, 7.0])
    with pytest.raises(ContractBroken, match="late"):
        label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    assert stated(sqlite_store) == []


def test_a_feature_that_breaks_its_contract_holds_no_label_back(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a"], time=stamps(0), late=[True], x=[9.0])
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)).stated == 1


def test_a_label_that_cannot_belong_to_the_task_is_refused_with_its_column(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path, type="int")
    write(tmp_path, id=["a", "b"], time=stamps(0, 0), late=[1, 2])
    with pytest.raises(BadInput, match="2 cannot be a label") as caught:
        label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    assert "column late" in caught.value.where
    assert stated(sqlite_store) == []


def test_a_dataset_without_key_or_label_and_a_key_that_is_too_long_are_named(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["k" * 501], time=stamps(0), late=[True])
    with pytest.raises(BadInput, match="501 characters"):
        label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    for missing, word in (({"key": ()}, "key"), ({"label": None}, "label"), ({"time": None}, "time")):
        other = replace(spec, data={"flights": replace(spec.data["flights"], **missing)})
        with pytest.raises(BadInput, match=f"no {word}"):
            label_source.state(sqlite_store, W, "flights", other, tmp_path, at(2))


def test_no_mature_row_is_nothing_to_state(sqlite_store: Store, tmp_path: Path) -> None:
    spec = promises(tmp_path)
    write(tmp_path, id=["a"], time=stamps(5), late=[True])
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)) == Outcome(0, 0, 0)


def test_two_callers_at_once_cannot_state_everything_twice(sqlite_store: Store, tmp_path: Path) -> None:
    with (
        label_source._alone(sqlite_store, W, "flights"),
        pytest.raises(Conflict, match="somebody else"),
        label_source._alone(sqlite_store, W, "flights"),
    ):
        pass
    with label_source._alone(sqlite_store, W, "flights"):  # given back, so nobody waits for the lease to end
        pass


def test_a_crash_between_two_batches_is_made_good_by_the_next_call(sqlite_store: Store, tmp_path: Path) -> None:
    spec, batch = promises(tmp_path), label_source.BATCH
    write(tmp_path, id=list(range(batch + 5)), time=stamps(*[0] * (batch + 5)), late=[True] * (batch + 5))
    database = sqlite_store.database.engine
    full = f"WHEN (SELECT count(*) FROM labels) >= {batch} BEGIN SELECT RAISE(ABORT, 'the machine stopped'); END"
    with database.begin() as db:
        db.exec_driver_sql(f"CREATE TRIGGER stops BEFORE INSERT ON labels {full}")
    with pytest.raises(IntegrityError, match="the machine stopped"):
        label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2))
    assert len(stated(sqlite_store)) == batch
    with database.begin() as db:
        db.exec_driver_sql("DROP TRIGGER stops")
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)) == Outcome(5, 0, batch)
    assert len({row[0] for row in stated(sqlite_store)}) == len(stated(sqlite_store)) == batch + 5


def test_a_year_of_labels_is_stated_and_seen_again_within_seconds(sqlite_store: Store, tmp_path: Path) -> None:
    spec, count = promises(tmp_path), 100_000
    write(tmp_path, id=np.arange(count), time=stamps(*[0] * count), late=np.arange(count) % 3 == 0)
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)).stated == count
    with sqlite_store.read() as db:
        assert db.execute(select(func.count()).select_from(table)).scalar() == count
    assert label_source.state(sqlite_store, W, "flights", spec, tmp_path, at(2)) == Outcome(0, 0, count)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from([True, False, None]), min_size=1), min_size=1, max_size=5)
)
def test_after_any_sequence_of_sources_the_truth_is_what_the_source_said_last(
    sqlite_store: Store, tmp_path: Path, sources: list[dict[str, bool | None]]
) -> None:
    spec, place, last = promises(tmp_path), f"w{next(NUMBERS)}", {}
    for source in sources:
        write(tmp_path, id=list(source), time=stamps(*[0] * len(source)), late=pa.array(list(source.values()), pa.bool_()))
        outcome = label_source.state(sqlite_store, place, "flights", spec, tmp_path, at(2))
        expected = {key: value for key, value in source.items() if value is not None or key in last}
        assert outcome.stated == len(expected.keys() - last.keys())
        assert outcome.revised == sum(last[key] != value for key, value in expected.items() if key in last)
        last |= expected
    with sqlite_store.read() as db:
        rows = db.execute(select(table.c.key, table.c.value).where(table.c.workspace == place).order_by(table.c.seq)).all()
    assert {row.key: None if row.value is None else bool(row.value) for row in rows} == last


NUMBERS = iter(range(10_000))


@pytest.mark.parametrize(("positive", "good", "bad"), [
    (True, [True, False, 0, 1, 1.0], [2, 0.5, -1, "yes", float("nan")]),
    ("late", ["late", "early", ""], [True, 1, float("inf")]),
    (2, [1, 2, 2.0], ["2", float("nan"), 10**400]),
])  # fmt: skip
def test_a_binary_task_says_which_labels_can_be_its_own(positive: Any, good: list[Any], bad: list[Any]) -> None:
    task = TaskSpec("binary", positive, 0.5)
    assert [labels.misfit(one, task) for one in good] == [""] * len(good)
    assert all(labels.misfit(one, task) for one in bad)


def test_a_regression_takes_finite_numbers_and_promised_classes_no_other() -> None:
    task = TaskSpec("regression")
    assert [labels.misfit(one, task) for one in (0, -1.5, 3)] == ["", "", ""]
    assert all(labels.misfit(one, task) for one in (float("nan"), float("-inf"), "3", True))
    assert labels.misfit("blue", TaskSpec("multiclass"), ("red", "green"))
    assert not labels.misfit("red", TaskSpec("multiclass"), ("red", "green"))


def test_a_label_that_was_stated_before_the_task_was_known_and_does_not_fit_counts_as_none(sqlite_store: Store) -> None:
    about = {"key": "a", "time_ms": at(0), "stated_ms": at(1)}
    for value in ("yes", 0.5, 7):
        labels.state(sqlite_store, W, [{**about, "value": value}])
        assert truths(sqlite_store, "a", 0, at(2)) == []
    labels.state(sqlite_store, W, [{**about, "value": 1}])
    assert truths(sqlite_store, "a", 0, at(2)) == [1.0]
    assert truths(sqlite_store, "a", 0, at(2), positive=False) == [0.0]

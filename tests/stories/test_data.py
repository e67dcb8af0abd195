"""What training may see: a contract that holds, and nothing of the held-out days; and when it starts by a schedule."""

import io
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regie.base.clock import DAY_MS
from tests.support.platform import START_DAY, World, made, midnight, table_of, until

NUMBERS = itertools.count(1)
TWO = """
from regie import Dataset, Model, pipeline, step
from sklearn.linear_model import LogisticRegression


@step
def fit(rows: Dataset, visits: Dataset, places: Dataset) -> Model:
    print(len(visits.read()), "visits", len(places.read()), "places")
    table = rows.read()
    return Model(LogisticRegression().fit(table.features, table.label))


@pipeline
def train(rows: Dataset, visits: Dataset, places: Dataset) -> Model:
    return fit(rows, visits, places)
"""
MORE = """  visits: {source: visits.parquet, time: at, columns: {place: str}}
  places: {source: places.parquet, key: place, columns: {place: str}}
"""


@pytest.fixture
def world(platform, request):
    made_ = World(platform, f"data{next(NUMBERS)}", made(), platform.folder / request.node.name)
    yield made_
    made_.close()


def inputs(world, run_id):
    """What the tasks of a run were given, as tables, by window and name; through the API that tasks use."""
    found = {}
    for task in world.client.runs.show(run_id)["tasks"]:
        for name, one in task["inputs"].items():
            if one["kind"] == "dataset":
                found[task["window"], name] = pq.read_table(io.BytesIO(world.client.blobs.get(one["digest"])))
    return found


def times(table, name="time"):
    return table[name].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()


def test_training_does_not_start_on_data_that_breaks_its_contract(world):
    world.apply()
    table = table_of(world.data)
    broken = table.set_column(2, "a", pa.array([None] * 3 + table["a"].to_pylist()[3:], pa.float64()))
    world.write(broken)
    run = world.train()
    assert run["state"] == "failed"
    assert run["tasks"] == []
    assert "a: float (is null): 3 rows (row 0: 'None'" in run["error"]
    assert "regie dataset show rows" in run["error"]
    (event,) = world.events("data.contract_broken")
    assert event["subject"] == "rows"
    assert [(one["rule"], one["rows"]) for one in event["data"]["rules"]] == [("a: float (is null)", 3)]
    assert "row 0: 'None', row 1: 'None'" in event["data"]["because"]
    assert world.client.models.list() == []
    assert world.events("task.started", "model.registered") == []
    jobs = world.client.jobs.list()
    assert [one["state"] for one in jobs] == ["failed"]
    world.write(table)
    assert world.train()["state"] == "finished"


def test_training_never_sees_a_held_out_row_of_any_dataset(world):
    moments = midnight(0) + np.arange(0, 60 * 24) * (DAY_MS // 24)
    world.folder.mkdir(parents=True)
    world.write(pa.table({"at": pa.array(moments, pa.timestamp("ms")), "place": ["x"] * len(moments)}), "visits.parquet")
    world.write(pa.table({"place": ["x", "y"]}), "places.parquet")
    world.apply(TWO, more_data=MORE, windows="all, last 3d")
    run = world.train()
    assert run["state"] == "finished", run
    holdout_from = midnight(START_DAY - 1 - 7)
    inner_from = holdout_from - 7 * DAY_MS
    seen = inputs(world, run["run_id"])
    assert {name for _, name in seen} == {"rows", "visits", "places"}
    for (window, name), table in seen.items():
        if name == "places":
            assert table.num_rows == 2
            continue
        at = times(table, "time" if name == "rows" else "at")
        assert at.max() < inner_from  # two windows compete on the inner window, so that is spared as well
        assert at.max() >= inner_from - DAY_MS
        if name == "rows" and window == "last 3d":
            assert at.min() >= inner_from - 3 * DAY_MS
    evidence = world.client.models.show(world.name)["versions"]
    judged = next(one for one in evidence if one["role"] == "challenger" or one["evidence"])
    bounds = judged["evidence"][0]["holdout"]
    assert (bounds["from_ms"], bounds["to_ms"]) == (holdout_from, midnight(START_DAY - 1))
    held_out = pq.read_table(io.BytesIO(world.client.blobs.get(bounds["digest"])))
    assert times(held_out).min() >= holdout_from
    assert times(held_out).max() < midnight(START_DAY - 1)
    trained = {one for (_, name), table in seen.items() if name == "rows" for one in table["id"].to_pylist()}
    assert trained.isdisjoint(held_out["id"].to_pylist())


def test_labels_whose_lateness_depends_on_their_value_change_nothing_of_what_is_used(world):
    """Negatives are known at once, positives a day later: of the newest day only negatives are there."""
    table = table_of(world.data)
    now = midnight(START_DAY)
    late = (world.data.time_ms + DAY_MS > now) & world.data.label
    assert 10 < late[world.data.time_ms < now].sum() < 60
    biased = [None if is_late else bool(value) for is_late, value in zip(late, world.data.label, strict=True)]
    world.folder.mkdir(parents=True)
    world.write(table.set_column(4, "y", pa.array(biased, pa.bool_())))
    world.apply(label="bool?")
    biased_run = world.train()
    assert biased_run["state"] == "finished", biased_run["error"]
    world.write(table)
    whole_run = world.train()
    one, other = inputs(world, biased_run["run_id"]), inputs(world, whole_run["run_id"])
    assert one["all", "rows"].equals(other["all", "rows"])
    digests = {one["evidence"][0]["holdout"]["digest"] for one in world.client.models.show(world.name)["versions"]}
    assert len(digests) == 1
    assert biased_run["snapshots"] != whole_run["snapshots"]


def test_a_schedule_trains_once_a_day_also_when_the_server_dies_in_between(world):
    world.apply(react="{every: 1d, do: train}", rollout="full", quality="log_loss <= 5 over 7d")
    world.settle()
    for day in range(3):
        if day == 1:
            world.platform.kill("server")
            world.platform.begin("server")
        world.day += 1
        world.settle()
    runs = world.client.runs.list()
    assert [one["state"] for one in runs] == ["finished"] * 3
    fired = [row["fired_ms"] for row in world.platform.rows("SELECT fired_ms FROM reactions WHERE workspace = ?", world.name)]
    assert sorted(fired) == [midnight(START_DAY + day) for day in (1, 2, 3)]
    until(lambda: world.champion() == 3, "each is released")


def test_a_challenger_without_enough_evidence_is_judged_on_the_next_windows_and_dropped_after_three(world):
    """A gate that asks for nothing but the champion's own figure, of a version that learnt one day more: chance decides each window."""
    world.apply(gates="log_loss <= champion + 0", rollout="full", quality="log_loss <= 5 over 7d")
    world.train()
    world.day += 1
    world.train()
    seen = []
    for _ in range(3):
        qualification = world.client.models.show(world.name)["versions"][-1]["qualification"]
        seen.append((qualification["state"], qualification["attempts"]))
        world.day += 7
        world.settle()
    versions = {one["version"]: one for one in world.client.models.show(world.name)["versions"]}
    assert seen == [("waiting", 1), ("waiting", 2), ("dropped", 3)]
    assert [one["verdict"] for one in versions[2]["evidence"]] == ["not_enough_evidence"] * 3
    bounds = [(one["holdout"]["from_ms"], one["holdout"]["to_ms"]) for one in versions[2]["evidence"]]
    assert bounds == [(midnight(START_DAY + step - 7), midnight(START_DAY + step)) for step in (0, 7, 14)]
    asked = {"run_id": versions[2]["run_id"], "metric_key": "judged.log_loss"}
    with world.platform.http(world.name) as http:
        history = http.get("/api/2.0/mlflow/metrics/get-history", params=asked).json()["metrics"]
    assert [(one["step"], one["value"]) for one in history] == list(enumerate(one["value"] for one in versions[2]["evidence"]))
    assert world.champion() == 1
    assert [one["type"] for one in world.events("gates.inconclusive", "gates.dropped")] == ["gates.inconclusive"] * 2 + [
        "gates.dropped"
    ]

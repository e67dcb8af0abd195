"""One run: what it measured, where it came from, and what came of it; on both databases."""

import json
import math

import pytest

from regie.app.caller import CallerOf
from regie.app.pages import artifacts, run
from regie.base.errors import BadInput, NotFound
from regie.store.actors import everybody
from regie.store.types import LOCAL
from tests.support import measured_runs


@pytest.fixture
def caller(store):
    return CallerOf(store, everybody(LOCAL), "team")


def test_a_metric_shows_its_latest_its_extremes_and_the_best_where_a_direction_is_known(caller, run_id):
    measured_runs.log(caller.store, run_id, "log_loss", [0.9, math.nan, 0.2, 0.5])
    measured_runs.log(caller.store, run_id, "speed", [3.0, 1.0])
    measured_runs.log(caller.store, run_id, "lost", [math.nan])
    rows = {one.name: one for one in run.page(run_id, caller).metrics.rows}
    one = rows["log_loss"]
    assert (one.latest, one.step, one.points, one.least, one.greatest, one.best) == (0.5, 3, 4, 0.2, 0.9, 0.2)
    assert one.spark.values == [0.9, None, 0.2, 0.5]
    assert (rows["speed"].least, rows["speed"].greatest, rows["speed"].best) == (1.0, 3.0, None)
    assert (rows["lost"].latest, rows["lost"].least, rows["lost"].best) == ("NaN", None, None)
    assert run.page(run_id, caller).curves == ["log_loss", "speed"]
    assert json.loads(run.page(run_id, caller).model_dump_json())["metrics"]["count"] == 6


def test_two_thousand_metrics_come_in_pages_and_are_searched(caller, run_id):
    for number in range(120):
        measured_runs.log(caller.store, run_id, f"layer/{number:04d}", [1.0, 2.0])
    shown = run.page(run_id, caller).metrics
    names, count = [one.name for one in shown.rows], shown.count
    while shown.next:
        shown = run.metrics(run_id, caller, "", shown.next)
        names += [one.name for one in shown.rows]
    assert (count, len(names), names == sorted(names)) == (124, 124, True)
    found = run.metrics(run_id, caller, "LAYER/001")
    assert (found.count, found.rows[0].name, len(found.rows[0].spark.values)) == (10, "layer/0010", 2)


def test_a_curve_is_sampled_with_its_ends_and_says_what_it_leaves_out(caller, run_id):
    measured_runs.log(caller.store, run_id, "loss", [math.nan if step == 0 else step / 1000 for step in range(5_000)])
    measured_runs.log(caller.store, run_id, "endless", [1.0, math.inf])
    drawn = run.histories(caller, f"{run_id},{'0' * 32}", ["loss", "endless", "none"], 1_000, True).curves
    loss, endless = drawn
    assert (loss.points, len(loss.steps), loss.steps[0], loss.steps[-1], loss.holes) == (5_000, 1_000, 0, 4_999, 1)
    assert len(loss.times_ms) == len(loss.values) == 1_000
    assert endless.values == [1.0, None]
    with pytest.raises(BadInput):
        run.histories(caller, ",".join(f"{one:032x}" for one in range(51)), ["a", "b"])


def test_nested_runs_know_each_other_and_a_deleted_parent_is_none(caller, run_id):
    child = measured_runs.fill(caller.store, "team", measured_runs.experiment(caller.store, "team", "nested"), 1)[0]
    measured_runs.tag(caller.store, child, mlflow__parentRunId=run_id)
    assert run.page(child, caller).parent.id == run_id
    assert [one.id for one in run.page(run_id, caller).children] == [child]
    other = measured_runs.fill(caller.store, "team", measured_runs.experiment(caller.store, "team", "alone"), 1)[0]
    measured_runs.tag(caller.store, other, mlflow__parentRunId="f" * 32)
    assert run.page(other, caller).parent is None


def test_a_run_of_a_client_says_what_the_client_said_of_its_code_and_no_more(caller, run_id):
    measured_runs.tag(caller.store, run_id, mlflow__source__git__commit="abc123", mlflow__source__name="train.py")
    measured_runs.keep(
        caller.store,
        "team",
        run_id,
        "model/requirements.txt",
        b"numpy==2.4.0\n# no\n-r x\nscikit_learn[all]>=1.7 ; python_version>'3'\n",
    )
    source = run.page(run_id, caller).source
    assert (source.commit, source.name, source.code, source.lock) == ("abc123", "train.py", "", "")
    assert {one.name: one.value for one in source.packages} == {"numpy": "2.4.0", "scikit-learn": ">=1.7"}
    assert source.packages_of == "model"


def test_another_workspace_sees_neither_the_run_nor_its_files(caller, run_id, keep):
    stranger, place = CallerOf(caller.store, everybody(LOCAL), "elsewhere"), keep("a.txt", b"secret")
    assert run.histories(stranger, run_id, ["auc"]).curves == []
    for ask in (
        lambda: run.page(run_id, stranger), lambda: run.metrics(run_id, stranger), lambda: artifacts.preview(stranger, place),
        lambda: artifacts.listed(stranger, f"runs/{run_id}"), lambda: artifacts.shown(stranger, place),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            ask()

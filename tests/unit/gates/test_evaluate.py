"""Gates judge real packages on real held-out rows, both models on the same ones."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from regie.base.clock import DAY_MS
from regie.base.errors import BadInput
from regie.gates.evaluate import Payload, choose, choose_json, evaluate, evaluate_json
from regie.metrics.answers import ModelTask
from regie.runtime.package import write_package
from regie.runtime.signature import Column

SIGNATURE = (Column("wind", "float", nullable=False), Column("wait", "float", nullable=False))
START_MS = 15_000 * DAY_MS


def rows(seed, days=10, a_day=80):
    """Late flights: the wind and the wait say something of them."""
    rng = np.random.default_rng(seed)
    count = days * a_day
    frame = pd.DataFrame({"wind": rng.normal(size=count), "wait": rng.normal(size=count)})
    frame["late"] = rng.random(count) < 1 / (1 + np.exp(1 - 2 * frame.wind - frame.wait))
    frame["time"] = START_MS + np.repeat(np.arange(days), a_day) * DAY_MS + 3_600_000
    frame["sex"] = np.where(rng.random(count) < 0.5, "f", "m")
    return frame


def package(folder, frame, label, kind="binary"):
    estimator = (LinearRegression() if kind == "regression" else LogisticRegression()).fit(frame[["wind", "wait"]], label)
    write_package(folder, estimator, SIGNATURE, frame[["wind", "wait"]], None if kind == "regression" else True, kind)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder, seen = tmp_path_factory.mktemp("packages"), rows(1, days=20)
    mixed = np.random.default_rng(0).permutation(seen.late.to_numpy())
    return {
        "good": package(folder / "good", seen, seen.late),
        "twin": package(folder / "twin", seen[: len(seen) // 2], seen.late[: len(seen) // 2]),
        "corrupt": package(folder / "corrupt", seen, mixed),
        "number": package(folder / "number", seen, 100 * seen.wind, "regression"),
    }


@pytest.fixture
def holdout(tmp_path):
    path = tmp_path / "holdout.parquet"
    pq.write_table(pa.Table.from_pandas(rows(2), preserve_index=False), path)
    return path


def payload(challenger, champion, holdout, *gates, **more):
    task = {"kind": "binary", "positive": True, "threshold": 0.5}
    given = {"challenger": str(challenger), "champion": champion and str(champion), "holdout": str(holdout), "label": "late"}
    return {**given, "time": "time", "task": task, "gates": list(gates), **more}


def verdicts(found):
    return {result["gate"]: result["verdict"] for result in found["gates"]}


ALL = ("log_loss <= 0.9", "auc >= champion - 0.01", "recall(by sex).gap <= 0.5", "latency.p95 < 1s", "memory < 2GB")


def test_a_good_challenger_passes_and_its_evidence_is_json(models, holdout):
    found = json.loads(json.dumps(evaluate_json(payload(models["good"], models["twin"], holdout, *ALL)), allow_nan=False))
    assert (found["verdict"], found["because"]) == ("passed", "gates.all_passed")
    assert set(verdicts(found).values()) == {"passed"}
    assert (found["rows"], found["blocks"]) == (800, 10)
    assert (found["from_ms"], found["to_ms"]) == (START_MS + 3_600_000, START_MS + 9 * DAY_MS + 3_600_000)
    by_gate = dict(zip(ALL, found["gates"], strict=True))
    assert 0 < by_gate["latency.p95 < 1s"]["value"] < 1000
    assert by_gate["latency.p95 < 1s"]["detail"]["calls"] == 300
    assert by_gate["memory < 2GB"]["value"] > 0


def test_a_version_trained_on_corrupted_labels_is_refused_with_its_evidence(models, holdout):
    found = evaluate_json(payload(models["corrupt"], models["good"], holdout, "log_loss <= champion + 0.02", "auc >= 0.6"))
    assert (found["verdict"], found["because"]) == ("failed", "gate.failed")
    result = found["gates"][0]
    assert result["verdict"] == "failed"
    assert result["low"] > result["bound"] > result["champion_value"]
    assert result["detail"]["difference_high"] < result["detail"]["d"] == -0.02


def test_a_first_version_is_judged_by_its_absolute_gates_alone(models, holdout):
    found = evaluate_json(payload(models["good"], None, holdout, "auc >= 0.6", "auc >= champion"))
    assert verdicts(found) == {"auc >= 0.6": "passed", "auc >= champion": "not_applicable"}
    assert found["verdict"] == "passed"


def test_a_model_is_never_worse_than_itself(models, holdout):
    found = evaluate_json(payload(models["good"], models["good"], holdout, "log_loss <= champion", "log_loss < champion"))
    assert list(verdicts(found).values()) == ["passed", "failed"]


def test_too_short_a_holdout_is_inconclusive_twice_and_then_dropped(models, tmp_path):
    pq.write_table(pa.Table.from_pandas(rows(2, days=6), preserve_index=False), tmp_path / "short.parquet")
    short = payload(models["good"], models["twin"], tmp_path / "short.parquet", "log_loss <= champion + 0.5")
    assert [evaluate_json({**short, "attempts": at})["verdict"] for at in (1, 2, 3)] == [
        "inconclusive",
        "inconclusive",
        "dropped",
    ]


def test_rows_without_a_label_are_not_judged_and_timestamps_are_times_too(models):
    frame = rows(3)
    frame["late"] = frame.late.astype(object)
    frame.loc[:99, "late"] = None
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.set_column(table.column_names.index("time"), "time", table["time"].cast(pa.timestamp("ms", "UTC")))
    found = evaluate(Payload(models["good"], None, table, "late", "time", ModelTask("binary"), ("auc >= 0.6",)))
    assert (found["rows"], found["blocks"]) == (700, 9)
    assert found["verdict"] == "passed"


def test_a_challenger_that_cannot_answer_a_held_out_row_fails_every_gate(models, tmp_path):
    frame = rows(4)
    frame.loc[5, "wind"] = np.nan
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / "null.parquet")
    found = evaluate_json(payload(models["good"], None, tmp_path / "null.parquet", "auc >= 0.1", "memory < 2GB"))
    assert set(verdicts(found).values()) == {"failed"}
    assert found["gates"][0]["detail"]["because"] == "challenger.cannot_answer"
    assert "wind" in found["gates"][0]["detail"]["error"]


def test_a_number_is_no_probability_so_the_model_fails_its_gates(models, holdout):
    found = evaluate_json(payload(models["number"], None, holdout, "auc >= 0.1"))
    assert found["verdict"] == "failed"
    assert "outputs are no probability" in found["gates"][0]["detail"]["error"]


def test_a_champion_that_cannot_answer_is_an_error_and_no_free_pass(models, holdout):
    with pytest.raises(BadInput, match="the champion cannot answer"):
        evaluate_json(payload(models["good"], models["number"], holdout, "auc >= champion"))


@pytest.mark.parametrize("column", ["late", "time", "wind"])
def test_a_holdout_without_a_column_names_it(models, tmp_path, column):
    pq.write_table(pa.Table.from_pandas(rows(2).drop(columns=column), preserve_index=False), tmp_path / "less.parquet")
    with pytest.raises(BadInput, match=column):
        evaluate_json(payload(models["good"], None, tmp_path / "less.parquet", "auc >= 0.6"))


class TestChoosing:
    truth = np.random.default_rng(1).random(1400) < 0.5
    times = START_MS + np.repeat(np.arange(14), 100) * DAY_MS
    task = ModelTask("binary")

    def of(self, skill):
        return (0.5 + skill * (self.truth - 0.5)).tolist()

    @pytest.mark.parametrize(
        ("skills", "chosen", "because"),
        [
            ((0.5,), 0, "default.first"),
            ((0.5, 0.4), 0, "default.first"),
            ((0.5, 0.5), 0, "default.first"),
            ((0.4, 0.5), 1, "interval.better"),
            ((0.4, 0.5, 0.6), 2, "interval.better"),
            ((0.4, 0.6, 0.5), 1, "interval.better"),
        ],
    )
    @pytest.mark.parametrize("metric", ["log_loss", "brier"])
    def test_all_data_is_the_default_and_a_better_later_window_wins(self, metric, skills, chosen, because):
        outputs = [self.of(skill) for skill in skills]
        found = choose(metric, self.task, self.truth.tolist(), outputs, self.times)
        assert found[:2] == (chosen, because)
        assert len(found[2]) == len(skills) - 1

    def test_a_small_gain_that_chance_could_make_changes_nothing(self):
        noise = np.random.default_rng(2).normal(size=1400) * 0.2
        outputs = [self.of(0.5), np.clip(np.array(self.of(0.5)) + noise, 0.01, 0.99).tolist()]
        assert choose("auc", self.task, self.truth.tolist(), outputs, self.times)[0] == 0

    def test_six_days_choose_nothing_and_a_silent_candidate_is_passed_over(self):
        few = slice(0, 600)
        outputs = [self.of(0.1)[few], self.of(0.9)[few]]
        assert choose("log_loss", self.task, self.truth[few].tolist(), outputs, self.times[few])[0] == 0
        broken = [[None] * 1400, self.of(0.3)]
        assert choose("log_loss", self.task, self.truth.tolist(), broken, self.times)[:2] == (1, "earlier.cannot_answer")
        with pytest.raises(BadInput, match="no candidate"):
            choose("log_loss", self.task, self.truth.tolist(), broken[:1], self.times)

    def test_packages_are_chosen_between_on_the_inner_window(self, models, holdout):
        given = {
            "candidates": [str(models["corrupt"]), str(models["good"])],
            "inner": str(holdout),
            "label": "late",
            "time": "time",
        }
        found = json.loads(json.dumps(choose_json({**given, "task": {"kind": "binary", "positive": True, "threshold": 0.5}})))
        assert (found["chosen"], found["because"]) == (1, "interval.better")
        assert found["compared"][0]["low"] > 0


def test_an_empty_holdout_is_no_evidence_and_no_error(models, tmp_path):
    pq.write_table(pa.Table.from_pandas(rows(2)[:0], preserve_index=False), tmp_path / "empty.parquet")
    found = evaluate_json(payload(models["good"], models["twin"], tmp_path / "empty.parquet", *ALL[:4]))
    assert set(verdicts(found).values()) == {"not_enough_evidence"}
    assert (found["verdict"], found["rows"], found["from_ms"]) == ("inconclusive", 0, None)

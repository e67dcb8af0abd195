"""The catalogue says what the field says: scikit-learn is the oracle."""

import doctest
import importlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as oracle

from regie.base.errors import BadInput
from regie.metrics.answers import ModelTask, answer_for, outputs_of, truth_of, usable
from regie.metrics.catalogue import CATALOGUE, metric_of
from regie.spec.expressions import METRICS

MODULES = ("rows", "pooled", "catalogue", "answers", "intervals", "groups", "requests")
SIZES = st.integers(2, 60)
TRUTH = SIZES.flatmap(lambda n: arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0])))


@st.composite
def scored(draw):
    """Truth and probabilities, many of them tied, some at the ends."""
    truth = draw(TRUTH)
    return truth, draw(arrays(np.float64, len(truth), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])))


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_the_documentation_of_metrics_gives_what_it_says(name):
    result = doctest.testmod(importlib.import_module(f"regie.metrics.{name}"))
    assert result.failed == 0


def test_every_metric_has_an_example_that_can_be_checked_by_hand():
    assert all(">>>" in metric.function.__doc__ for metric in CATALOGUE.values())


def test_the_grammar_and_the_catalogue_know_the_same_quality_metrics_and_directions():
    promised = {name: metric.better for name, metric in METRICS.items() if metric.family == "quality"}
    assert {name: metric.better for name, metric in CATALOGUE.items()} == promised


@given(scored())
def test_probabilities_are_judged_as_scikit_learn_judges_them(rows):
    truth, answer = rows
    assert CATALOGUE["log_loss"].figure(truth, answer) == pytest.approx(oracle.log_loss(truth, answer, labels=[0, 1]), rel=1e-9)
    assert CATALOGUE["brier"].figure(truth, answer) == pytest.approx(np.mean((truth - answer) ** 2))
    if 0 < truth.sum() < len(truth):
        assert CATALOGUE["auc"].figure(truth, answer) == pytest.approx(oracle.roc_auc_score(truth, answer), abs=1e-12)


@given(scored())
def test_decisions_are_judged_as_scikit_learn_judges_them(rows):
    truth, answer = rows
    decided = (answer >= 0.5).astype(float)
    assert CATALOGUE["accuracy"].figure(truth, decided) == pytest.approx(oracle.accuracy_score(truth, decided))
    assert CATALOGUE["error_rate"].figure(truth, decided) == pytest.approx(1 - oracle.accuracy_score(truth, decided))
    for name, judge in (("recall", oracle.recall_score), ("precision", oracle.precision_score), ("f1", oracle.f1_score)):
        expected = judge(truth, decided, zero_division=np.nan)
        assert CATALOGUE[name].figure(truth, decided) == pytest.approx(expected, nan_ok=True)


@given(arrays(np.float64, 20, elements=st.floats(-1e6, 1e6)), arrays(np.float64, 20, elements=st.floats(-1e6, 1e6)))
def test_numbers_are_judged_as_scikit_learn_judges_them(truth, answer):
    assert CATALOGUE["mae"].figure(truth, answer) == pytest.approx(oracle.mean_absolute_error(truth, answer))
    assert CATALOGUE["rmse"].figure(truth, answer) == pytest.approx(oracle.root_mean_squared_error(truth, answer))


def test_log_loss_of_many_classes_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    shares, truth = rng.dirichlet(np.ones(4), 200), rng.integers(0, 4, 200).astype(float)
    assert CATALOGUE["log_loss"].figure(truth, shares) == pytest.approx(oracle.log_loss(truth, shares, labels=range(4)))


def test_a_sure_and_wrong_row_costs_much_but_not_infinitely_much():
    assert CATALOGUE["log_loss"].figure(np.array([1.0]), np.array([0.0])) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_metric_of_no_rows_is_not_defined_rather_than_zero(name):
    assert math.isnan(CATALOGUE[name].figure(np.empty(0), np.empty(0)))


def test_auc_of_one_class_is_not_defined():
    assert math.isnan(CATALOGUE["auc"].figure(np.ones(3), np.array([0.1, 0.2, 0.3])))


def test_an_unknown_metric_is_named_with_the_known_ones():
    with pytest.raises(BadInput, match=r"(?s)`auk`.*log_loss"):
        metric_of("auk")


class TestLabelsAndOutputs:
    BINARY = ModelTask("binary", positive="yes", threshold=0.4)

    def test_labels_become_one_for_the_positive_class_and_nothing_where_they_are_unknown(self):
        assert np.array_equal(truth_of(self.BINARY, ["yes", "no", None]), [1.0, 0.0, np.nan], equal_nan=True)
        assert truth_of(ModelTask("binary"), [True, 0, 1, False]).tolist() == [1.0, 0.0, 1.0, 0.0]

    def test_a_positive_class_of_another_kind_than_the_labels_is_an_error_and_not_a_model_that_never_hits(self):
        with pytest.raises(BadInput, match="positive"):
            truth_of(ModelTask("binary", positive=True), ["yes", "no"])

    def test_three_values_are_no_binary_label(self):
        with pytest.raises(BadInput, match="two values"):
            truth_of(ModelTask("binary", positive=1), [0, 1, 2])

    def test_a_class_that_the_model_does_not_know_is_an_error(self):
        with pytest.raises(BadInput, match="'d'"):
            truth_of(ModelTask("multiclass", classes=("a", "b")), ["a", "d"])

    def test_the_threshold_decides_and_the_likeliest_class_wins(self):
        recall = metric_of("recall")
        assert answer_for(recall, self.BINARY, np.array([0.39, 0.4, 0.9])).tolist() == [0.0, 1.0, 1.0]
        many = ModelTask("multiclass", classes=("a", "b"))
        assert answer_for(metric_of("accuracy"), many, outputs_of(many, [[0.2, 0.8], [0.6, 0.4]])).tolist() == [1.0, 0.0]

    def test_failed_rows_and_impossible_probabilities_are_not_usable(self):
        outputs = outputs_of(self.BINARY, [0.5, None, 1.5, float("inf"), -0.1, 1.0])
        assert usable(self.BINARY, outputs).tolist() == [True, False, False, False, False, True]
        many = ModelTask("multiclass", classes=("a", "b"))
        assert usable(many, outputs_of(many, [[0.2, 0.8], None])).tolist() == [True, False]
        assert usable(ModelTask("regression"), outputs_of(ModelTask("regression"), [-7.0, None])).tolist() == [True, False]

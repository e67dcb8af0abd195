"""What a gate says of a challenger, as a table of what its interval can look like."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.gates.decide import ATTEMPTS, Holdout, judge, measured, overall, verdict_of
from regie.gates.types import GateResult, Overall
from regie.metrics.answers import ModelTask
from regie.metrics.intervals import Interval
from regie.spec.expressions import parse

BINARY = ModelTask("binary", positive=True, threshold=0.5)
NUMBER = ModelTask("regression")


def numbers(errors, champion=None, days=10, rows=20):
    """A holdout of a regression: the absolute error of the challenger is `errors` (a number a day), the champion's `champion`."""
    errors = np.broadcast_to(np.asarray(errors, float), days)
    day = np.repeat(np.arange(days), rows)
    theirs = None if champion is None else np.broadcast_to(np.asarray(champion, float), days)[day]
    return Holdout(NUMBER, np.zeros(len(day)), errors[day], theirs, day)


def binary(skill, champion=None, seed=1, days=14, rows=100):
    """A holdout of a binary task; more skill, better probabilities; both models see the same noise."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows)
    truth = (rng.random(len(day)) < 0.4).astype(float)
    noise = rng.normal(size=len(day))

    def of(skill):
        return 1 / (1 + np.exp(-(skill * (2 * truth - 1) + noise)))

    group = {"sex": np.where(rng.random(len(day)) < 0.5, "f", "m").astype(object)}
    return Holdout(BINARY, truth, of(skill), None if champion is None else of(champion), day, group)


UNSURE = np.array([0.0, 2.0] * 5)  # a mean of 1, with an interval of about 0.25 to 1.75


@pytest.mark.parametrize(
    ("gate", "errors", "champion", "verdict"),
    [
        ("mae <= 2",              1.0,    None, "passed"),
        ("mae <= 0.9",            1.0,    None, "failed"),
        ("mae <= 1",              1.0,    None, "passed"),
        ("mae < 1",               1.0,    None, "failed"),
        ("mae <= 1.2",            UNSURE, None, "not_enough_evidence"),
        ("mae <= 2",              UNSURE, None, "passed"),
        ("mae <= 0.2",            UNSURE, None, "failed"),
        ("mae >= 0.2",            UNSURE, None, "passed"),
        ("mae >= 2",              UNSURE, None, "failed"),
        ("rmse <= 1.5",           1.0,    None, "passed"),
        ("mae <= champion",       1.0,    None, "not_applicable"),
        ("mae <= champion",       1.0,    1.0,  "passed"),
        ("mae < champion",        1.0,    1.0,  "failed"),
        ("mae <= champion",       1.0,    1.1,  "passed"),
        ("mae <= champion",       1.1,    1.0,  "failed"),
        ("mae <= champion + 0.2", 1.1,    1.0,  "passed"),
        ("mae <= champion - 0.2", 1.0,    1.1,  "failed"),
        ("mae <= champion - 0.2", 1.0,    1.3,  "passed"),
        ("mae <= champion * 1.2", 1.1,    1.0,  "passed"),
        ("mae <= champion * 1.2", 1.3,    1.0,  "failed"),
        ("mae >= champion",       1.0,    1.1,  "failed"),
        ("mae <= champion",       UNSURE, 1.0,  "not_enough_evidence"),
        ("mae <= champion + 1",   UNSURE, 1.0,  "passed"),
        ("mae <= champion - 1",   UNSURE, 1.0,  "failed"),
        ("mae <= champion",       UNSURE, UNSURE + 0.1, "passed"),
        ("rmse <= champion",      UNSURE, UNSURE + 0.1, "passed"),
    ],
)  # fmt: skip
def test_a_gate_on_a_loss_passes_fails_or_asks_for_more_evidence(gate, errors, champion, verdict):
    assert judge(parse(gate), numbers(errors, champion)).verdict == verdict


@pytest.mark.parametrize(
    ("gate", "skill", "champion", "verdict"),
    [
        ("auc >= 0.80",             1.0, None, "passed"),
        ("auc >= 0.97",             1.0, None, "failed"),
        ("auc >= champion - 0.005", 1.0, 1.0,  "passed"),
        ("auc >= champion - 0.005", 1.0, 0.8,  "passed"),
        ("auc >= champion - 0.005", 0.8, 1.0,  "failed"),
        ("auc >= champion + 0.002", 1.2, 0.8,  "passed"),
        ("auc > champion",          1.0, 1.0,  "failed"),
        ("recall <= champion",      0.8, 1.2,  "passed"),
        ("log_loss <= champion + 0.01", 1.0, 1.0, "passed"),
        ("log_loss <= champion",    0.8, 1.0,  "failed"),
        ("recall(by sex).gap <= 0.5", 1.0, None, "passed"),
        ("recall(by sex).min >= 0.5", 1.0, None, "passed"),
        ("error_rate(by sex).max <= 0.01", 1.0, None, "failed"),
        ("recall(by sex).gap <= champion + 0.3", 1.0, 0.9, "passed"),
    ],
)  # fmt: skip
def test_a_gate_on_a_rate_passes_fails_or_asks_for_more_evidence(gate, skill, champion, verdict):
    assert judge(parse(gate), binary(skill, champion)).verdict == verdict


def test_the_figures_of_a_relative_gate_lie_on_one_scale_and_the_difference_is_signed():
    result = judge(parse("mae <= champion + 0.5"), numbers(UNSURE, 3.0))
    assert (result.value, result.champion_value, result.bound) == (1.0, 3.0, 3.5)
    assert result.low < 1.0 < result.high <= result.bound
    detail = result.detail
    assert (detail["difference"], detail["d"]) == (2.0, -0.5)
    assert detail["difference_low"] == pytest.approx(3.0 - result.high)
    assert detail["difference_low"] >= detail["d"]
    assert (result.rows, result.blocks) == (200, 10)


def test_the_figures_of_a_gate_on_a_rate_are_signed_the_same_way():
    result = judge(parse("auc >= champion - 0.02"), binary(1.2, 0.8))
    assert result.detail["difference"] == pytest.approx(result.value - result.champion_value)
    assert result.detail["difference"] > 0
    assert result.detail["d"] == pytest.approx(-0.02)
    assert result.bound == pytest.approx(result.champion_value - 0.02)


def test_the_evidence_of_a_group_gate_names_the_groups():
    result = judge(parse("recall(by sex).gap <= 0.2"), binary(1.0))
    assert set(result.detail["groups"]) == {"f", "m"}
    assert result.value == pytest.approx(abs(result.detail["groups"]["f"] - result.detail["groups"]["m"]))


@pytest.mark.parametrize("days", [1, 6])
@pytest.mark.parametrize("gate", ["mae <= 5", "mae <= champion + 5", "rmse <= 5"])
def test_six_days_are_never_enough_evidence_however_clear_the_figures(gate, days):
    assert judge(parse(gate), numbers(1.0, 1.0, days=days, rows=1000)).verdict == "not_enough_evidence"


def test_a_metric_that_is_not_defined_is_no_evidence_and_its_figures_are_null():
    holdout = binary(1.0)
    one_class = Holdout(BINARY, np.zeros(len(holdout.truth)), holdout.challenger, None, holdout.blocks)
    result = judge(parse("auc >= 0.5"), one_class)
    assert (result.verdict, result.value, result.low) == ("not_enough_evidence", None, None)


def test_a_group_column_that_nobody_declared_is_named():
    with pytest.raises(BadInput, match="age_band"):
        judge(parse("recall(by age_band).gap <= 0.1"), binary(1.0))


@pytest.mark.parametrize("gate", ["auc == 0.8", "auc != 0.8"])
def test_a_gate_that_no_interval_can_keep_is_refused(gate):
    with pytest.raises(BadInput, match="cannot ask for"):
        judge(parse(gate), binary(1.0))


@pytest.mark.parametrize(
    ("gate", "figure", "verdict"),
    [
        ("latency.p95 < 20ms", 19.9, "passed"), ("latency.p95 < 20ms", 20.0, "failed"), ("latency.p95 <= 20ms", 20.0, "passed"),
        ("memory < 500MB", 499e6, "passed"), ("memory < 500MB", 600e6, "failed"),
        ("latency.p99 < 1s", None, "not_enough_evidence"), ("latency.p99 < 1s", float("nan"), "not_enough_evidence"),
    ],
)  # fmt: skip
def test_latency_and_memory_are_compared_as_they_were_measured(gate, figure, verdict):
    assert measured(parse(gate), figure).verdict == verdict


ENDS = st.floats(-5, 5)


@given(ENDS, ENDS, st.booleans())
def test_a_gate_passes_only_if_the_worst_end_of_the_interval_keeps_it_and_fails_only_if_the_best_breaks_it(one, two, strict):
    low, high = sorted((one, two))
    said = verdict_of(Interval((low + high) / 2, low, high, 100, 10), strict)
    worst, best = (low > 0, high > 0) if strict else (low >= 0, high >= 0)
    assert said == ("passed" if worst else "not_enough_evidence" if best else "failed")


P, F, N, A = "passed", "failed", "not_enough_evidence", "not_applicable"


@pytest.mark.parametrize(
    ("verdicts", "attempts", "outcome"),
    [
        ((), 1, Overall("passed", "gates.all_passed")),
        ((P, P), 1, Overall("passed", "gates.all_passed")),
        ((P, A), 1, Overall("passed", "gates.all_passed")),
        ((A,), ATTEMPTS, Overall("passed", "gates.all_passed")),
        ((P, F), 1, Overall("failed", "gate.failed")),
        ((N, F), ATTEMPTS, Overall("failed", "gate.failed")),
        ((P, N), 1, Overall("inconclusive", "evidence.not_enough")),
        ((N, A), 2, Overall("inconclusive", "evidence.not_enough")),
        ((P, N), 3, Overall("dropped", "evidence.never_enough")),
        ((P, P), 3, Overall("passed", "gates.all_passed")),
    ],
)
def test_one_failed_gate_refuses_and_missing_evidence_is_waited_for_three_times(verdicts, attempts, outcome):
    assert overall([GateResult("g", verdict) for verdict in verdicts], attempts) == outcome

"""What a judgement measured has names that MLflow takes, and a direction where better is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.gates.figures import better, figures
from regie.spec.expressions import METRICS
from regie.tracking.types import key_of


def judged(*gates, rows=420):
    return {"rows": rows, "gates": [{"gate": gate, "value": value} for gate, value in gates]}


def test_a_name_is_what_is_measured_and_not_what_is_promised_of_it():
    found = judged(
        ("log_loss <= 0.6", 0.5), ("log_loss <= champion + 0.02", 0.5), ("recall(by sex).gap <= 5%", 0.01), ("latency.p95 <= 20ms", 3.0),
        ("memory <= 500MB", 2e8),
    )  # fmt: skip
    assert figures(found) == {
        "judged.log_loss": 0.5, "judged.recall.by.sex.gap": 0.01, "judged.latency.p95": 3.0, "judged.memory": 2e8, "judged.rows": 420.0,
    }  # fmt: skip


def test_what_has_no_figure_is_left_out_and_who_cannot_answer_has_none_at_all():
    assert figures(judged(("auc >= 0.8", None), ("brier <= 0.2", 0.1))) == {"judged.brier": 0.1, "judged.rows": 420.0}
    assert figures(judged(("auc >= 0.8", None))) == {}


@given(st.text(st.characters(exclude_characters=")", exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_whatever_a_column_is_called_the_name_is_one_that_mlflow_takes(column):
    [name, _] = figures(judged((f"recall(by {column}).min >= 0.5", 0.6)))
    assert key_of(name, "metric") == name
    assert better(name) == "higher"


@pytest.mark.parametrize("metric", [name for name, one in METRICS.items() if one.family != "check"])
def test_better_is_what_the_catalogue_says_and_a_gap_is_a_fault(metric):
    assert better(f"judged.{metric}") == better(f"judged.{metric}.p95") == METRICS[metric].better
    assert better(f"judged.{metric}.by.sex.gap") == "lower"


@pytest.mark.parametrize("name", ["judged.rows", "judged.mine", "judged.", "log_loss", "judged"])
def test_of_what_nobody_knows_no_direction_is_said(name):
    assert better(name) is None

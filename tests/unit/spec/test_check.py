"""`regie check` says when each promise can have an answer, and refuses what never can, without running the user's code."""

from pathlib import Path

import pytest

from regie.base.clock import DAY_MS
from regie.spec.check import check
from regie.spec.load import load_with_positions
from regie.spec.problems import SpecError, SpecNotThereYet

FLIGHTS = """\
regie: 1
workspace: flights
data:
  flights:
    source: flights.csv
    key: flight_id
    time: departure
    columns:
      carrier: str
      sex: {type: str, use: evaluation}
      secret: {type: str, use: ignore}
      late: bool?
    checks: [rows >= 10, nulls(carrier) < 1%]
    label: {column: late, known_after: 1d}
    holdout: last 7d
pipelines:
  train: {run: flow:train}
model:
  name: flights
  task: binary
  gates: [log_loss <= 0.6, log_loss <= champion + 0.005, recall(by sex).gap <= 0.1, latency.p95 < 20ms]
serve:
  rollout: [shadow 1d, canary 5% for 9d, full, watch 30d]
  abort_if: [errors > 1%, log_loss > champion + 0.1]
monitor:
  quality: [log_loss <= champion_at_release * 1.1 over 7d]
  drift: [{features: top 10, over: 1d, breach: 3 of 5}]
react:
  - {when: quality.breached, do: train}
"""
FLOW = """\
import json
from nowhere_else import train as other
from regie import Dataset, pipeline

raise SystemExit("a check must not run this")

@pipeline
def train(flights: Dataset): ...
"""
IMPORTABLE = FLOW.replace("nowhere_else", "json")


@pytest.fixture
def checked(tmp_path):
    def run(old="", new="", flow=IMPORTABLE):
        assert not old or FLIGHTS.count(old) == 1, old
        (tmp_path / "regie.yaml").write_text(FLIGHTS.replace(old, new) if old else FLIGHTS)
        (tmp_path / "flights.csv").write_text("")
        if flow:
            (tmp_path / "flow.py").write_text(flow)
        return check(load_with_positions(tmp_path))

    return run


def answers(result):
    return {(answer.promise, answer.after): answer.earliest_ms for answer in result.answers}


def test_each_promise_says_when_it_can_have_an_answer(checked):
    result = checked()
    assert (result.problems, result.warnings) == ((), ())
    assert answers(result) == {
        ("log_loss <= 0.6", "training"): 0,
        ("log_loss <= champion + 0.005", "training"): 0,
        ("recall(by sex).gap <= 0.1", "training"): 0,
        ("latency.p95 < 20ms", "training"): 0,
        ("errors > 1%", "the start of the rollout"): 0,
        ("log_loss > champion + 0.1", "the start of shadow 1d"): None,
        ("log_loss > champion + 0.1", "the start of canary 5% for 9d"): 8 * DAY_MS,
        ("watch 30d", "full"): 8 * DAY_MS,
        ("log_loss <= champion_at_release * 1.1 over 7d", "full"): 8 * DAY_MS,
        ("drift(top)", "full"): 3 * DAY_MS,
    }
    result.refuse()
    assert all(answer.text and answer.to_json() for answer in result.answers)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("known_after: 1d", "known_after: 30d", "regie.yaml:24:27: `log_loss > champion + 0.1` can have no answer within"),
        ("shadow 1d, canary 5% for 9d, ", "", "can have no answer without a shadow or canary stage"),
        ("log_loss <= champion_at_release * 1.1", "auc >= champion_at_release", "no gate measures auc at the release"),
        ("canary 5% for 9d", "canary 5% for 7d", "it takes 7 days of labels known after 1d"),
        ("holdout: last 7d", "holdout: last 6d", "regie.yaml:15:14: a holdout of 6d cannot answer `log_loss <= 0.6`"),
        ("recall(by sex)", "recall(by sax)", "regie.yaml:21:68: `sax` is not a column of `flights`"),
        ("recall(by sex)", "recall(by secret)", "`secret` is not a column of `flights` with use evaluation or feature"),
        ("nulls(carrier)", "nulls(carier)", "regie.yaml:13:32: `carier` is not a column of `flights` (did you mean `carrier`?)"),
        ("rows >= 10", "fresh < 2h", None),
        ("source: flights.csv", "source: fligths.csv", "regie.yaml:5:13: there is no fligths.csv (did you mean `flights.csv`?)"),
        ("flow:train", "flaw:train", "regie.yaml:17:16: there is no module `flaw` (did you mean `flow`?)"),
        ("flow:train", "flow:tran", "regie.yaml:17:21: flow.py has no function `tran` (did you mean `train`?)"),
        ("  quality: [log_loss <= champion_at_release * 1.1 over 7d]\n", "", "`quality.breached` never happens"),
        ("late: bool?", "late: float", "regie.yaml:12:13: a float is no label of a binary task"),
        ("late: bool?", "late: 'cat[y, n]'", "`positive` is none of the label's values: y, n"),
        ("features: top 10", "features: [carier]", "regie.yaml:27:23: `carier` is not a feature (did you mean `carrier`?)"),
    ],
)  # fmt: skip
def test_what_can_never_have_an_answer_is_refused_at_its_place(checked, old, new, says):
    result = checked(old, new)
    found = [problem.text for problem in result.problems]
    if says is None:
        assert found == []
        return
    assert any(says in text for text in found), found
    with pytest.raises(SpecError):
        result.refuse()


def test_groups_of_evaluation_columns_are_not_there_yet_in_production(checked):
    result = checked("log_loss <= champion_at_release * 1.1", "recall(by sex).gap <= 0.1")
    assert [problem.text.partition(" (")[0] for problem in result.problems] == [
        "regie.yaml:26:23: groups of evaluation columns in production are not there yet"
    ]
    with pytest.raises(SpecNotThereYet):
        result.refuse()
    assert checked("log_loss <= champion_at_release * 1.1", "recall(by carrier).gap <= 0.1").problems == ()


def test_a_watch_too_short_for_evidence_is_a_warning(checked):
    result = checked("watch 30d", "watch 7d")
    assert result.problems == ()
    (warning,) = result.warnings
    assert warning.text.startswith("regie.yaml:23:48: `watch 7d` will end on time, never on evidence: that takes 8d")
    assert answers(result)["watch 7d", "full"] is None


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (FLOW, "flow.py:2:1: does not import: there is no module `nowhere_else`"),
        ("def train(:\n  pass", "flow.py:1:11: does not import: "),
        ("def train(flight: Dataset): ...", "flow.py:1:11: `flight` is not a dataset (did you mean `flights`?)"),
        ("try:\n    import nowhere_else\nexcept ImportError: ...\ndef train(): ...", None),
        ("train = 3", None),
        ("\x00", "does not import"),
    ],
)
def test_the_users_code_is_read_and_never_run(checked, flow, says):
    found = [problem.text for problem in checked(flow=flow).problems]
    assert found == [] if says is None else any(says in text for text in found), found


def test_a_missing_import_of_a_module_that_the_pipeline_imports_is_found(checked, tmp_path):
    (tmp_path / "features.py").write_text("import flow\nimport nowhere_at_all\n")
    result = checked(flow="import features\ndef train(): ...")
    assert [problem.where for problem in result.problems] == ["features.py:2:1"]


def test_a_module_may_be_a_package(checked, tmp_path):
    package = tmp_path / "flow"
    package.mkdir()
    Path(package / "__init__.py").write_text("async def train(): ...")
    assert checked(flow=None).problems == ()

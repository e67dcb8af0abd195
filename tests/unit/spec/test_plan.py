"""A plan says what would change, by identity, and what follows from it."""

from pathlib import Path

import pytest

from regie.spec.load import parse
from regie.spec.plan import NOTHING, RE_EVALUATION, RETRAINING, UPDATE, plan

TEXT = """\
regie: 1
workspace: w
data:
  rows: {source: a.csv, time: t, label: {column: y, known_after: 1d}, checks: [rows >= 10]}
pipelines: {train: {run: flow:train}}
model:
  name: m
  task: {kind: binary, threshold: 0.5}
  gates: [auc >= 0.8, auc >= champion]
serve: {rollout: [full]}
monitor: {quality: [auc >= 0.7 over 7d]}
react: [{when: quality.breached, do: train}]
"""


def spec(old="", new=""):
    assert old in TEXT
    return parse(TEXT.replace(old, new) if old else TEXT, Path("regie.yaml")).spec


def test_nothing_changed_is_an_empty_plan():
    assert plan(spec(), spec()).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "identity", "kind", "consequence"),
    [
        ("auc >= 0.8", "auc >= 0.9", "model.gates.auc", "changed", RE_EVALUATION),
        ("auc >= 0.8, ", "", "model.gates.auc", "removed", RE_EVALUATION),
        ("auc >= champion]", "auc >= champion, f1 >= 0.5]", "model.gates.f1", "added", RE_EVALUATION),
        ("threshold: 0.5", "threshold: 0.4", "model.task.threshold", "changed", RE_EVALUATION),
        ("rows >= 10", "rows >= 11", "data.rows.checks.rows", "changed", NOTHING),
        ("a.csv", "b.csv", "data.rows.source", "changed", RETRAINING),
        ("known_after: 1d}", "known_after: 1d}, holdout: last 9d", "data.rows.holdout", "changed", RE_EVALUATION),
        ("flow:train", "flow:fit", "pipelines.train.run", "changed", RETRAINING),
        ("[full]", "[shadow 1d, full]", "serve.rollout", "changed", UPDATE),
        ("0.7 over 7d", "0.7 over 8d", "monitor.quality.auc", "changed", NOTHING),
        ("do: train}", "do: train, at_most: 2/day}", "react.quality.breached", "changed", NOTHING),
    ],
)
def test_a_change_is_named_by_identity_with_its_consequence(old, new, identity, kind, consequence):
    (change,) = plan(spec(), spec(old, new)).changes
    assert (change.identity, change.kind, change.consequence) == (identity, kind, consequence)


def test_the_digest_is_of_both_sides():
    first, second = spec(), spec("auc >= 0.8", "auc >= 0.9")
    digests = [plan(None, first), plan(first, first), plan(first, second), plan(second, first)]
    assert len({one.digest for one in digests}) == 4
    assert plan(first, second).digest == plan(spec(), spec("auc >= 0.8", "auc >=  0.90")).digest
    assert {change.kind for change in plan(None, first).changes} == {"added"}
    assert plan(first, second).to_json()["changes"][0]["kind"] == "changed"

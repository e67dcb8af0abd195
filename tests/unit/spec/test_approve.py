"""`model.approve`: who decides, never an author, within how much time."""

from pathlib import Path

import pytest

from regie.base.clock import DAY_MS, HOUR_MS
from regie.spec import defaults
from regie.spec.document import ApproveSpec
from regie.spec.load import parse
from regie.spec.plan import NOTHING, plan
from regie.spec.problems import SpecError
from regie.spec.read import from_json
from regie.spec.schema import APPROVERS
from regie.store.access import ROLES

TEXT = """\
regie: 1
workspace: w
data:
  rows: {source: a.csv, time: t, label: {column: y, known_after: 1d}}
model:
  name: m
  task: binary
serve: {}
"""


def spec(said="", risk=""):
    text = TEXT.replace("  task: binary\n", f"  task: binary\n  {said}\n").replace("regie: 1\n", f"regie: 1\n{risk}\n")
    return parse(text, Path("regie.yaml")).spec


@pytest.mark.parametrize(
    ("said", "within_ms"),
    [
        ("approve: {by: validator, not: author, within: 36h}", 36 * HOUR_MS),
        ("approve: {by: validator}", 5 * DAY_MS),
        ("approve: {by: validator, within: }", 5 * DAY_MS),
    ],
)
def test_who_decides_and_within_how_much_time_is_read_and_written_back(said, within_ms):
    read = spec(said)
    assert read.model.approve == ApproveSpec("validator", within_ms)
    assert read.model.to_json()["approve"]["not"] == "author"
    assert from_json(read.to_json()) == read


def test_a_high_risk_asks_for_an_approval_and_promises_no_less_than_a_limited_one():
    high, limited = spec(risk="risk: high"), spec(risk="risk: limited")
    assert high.model.approve == ApproveSpec("validator", defaults.APPROVE_WITHIN_MS)
    assert limited.model.approve is None
    assert (high.model.gates, high.serve.rollout, high.serve.abort_if) == (
        limited.model.gates, limited.serve.rollout, limited.serve.abort_if,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("approve:", "regie.yaml:9:3: `by` is missing"),  # saying nothing is no way to ask nobody
        ("approve: {}", "regie.yaml:9:3: `by` is missing"),
        ("approve: {within: 5d}", "regie.yaml:9:3: `by` is missing"),
        ("approve: false", "regie.yaml:9:12: `approve` must be a mapping"),
        ("approve: validator", "regie.yaml:9:12: `approve` must be a mapping"),
        ("approve: {by: engineer}", "regie.yaml:9:17: `engineer` is no role that grants approvals (one of: validator)"),
        ("approve: {by: validator, not: nobody}", "regie.yaml:9:33: `not` must be `author`, not `nobody`"),
        ("approve: {by: validator, within: 0d}", "regie.yaml:9:36: expected a duration"),
        ("approve: {by: validator, within: soon}", "regie.yaml:9:36: expected a number"),
        ("approve: {by: validator, or: owner}", "regie.yaml:9:28: unknown key `or`"),
    ],
)
@pytest.mark.parametrize("risk", ["risk: limited", "risk: high"])
def test_what_is_no_approval_is_refused_with_its_place(said, says, risk):
    with pytest.raises(SpecError) as wrong:
        spec(said, risk)
    (problem,) = wrong.value.problems
    assert problem.text.startswith(says), problem.text


def test_asking_for_approvals_retrains_and_judges_nothing():
    (changed,) = plan(spec(), spec("approve: {by: validator, within: 5d}")).changes[:1]
    assert (changed.identity.startswith("model.approve"), changed.consequence) == (True, NOTHING)


def test_the_roles_that_a_file_may_name_are_those_that_may_grant():
    assert {role for role, actions in ROLES.items() if "approval.grant" in actions} == set(APPROVERS)

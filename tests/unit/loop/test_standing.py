"""Where a model stands in its loop: a table of rules a station, read as a table."""

from dataclasses import replace

import pytest

from regie.base.clock import DAY_MS, HOUR_MS
from regie.loop.standing import ASKS, NEED, ORDER, STATIONS, WEIGHT, Live, Observed, asks, foremost, stand

NOW = 20_000 * DAY_MS
# A champion that keeps its promise, served by one node, trained and judged a while ago.
QUIET = Observed(
    NOW, snapshot_ms=NOW - 3 * DAY_MS, run="finished", run_by="system:react", run_ms=NOW - 3 * DAY_MS, gates="passed",
    gates_because="gates.all_passed", gates_ms=NOW - 3 * DAY_MS, released=True, champion_ms=NOW - 2 * DAY_MS, window_ms=NOW - DAY_MS,
    verdict="kept", nodes=1,
)  # fmt: skip
CANARY = Live("running", "canary", NOW - HOUR_MS, DAY_MS, 7 * DAY_MS, False, NOW - DAY_MS)


def at(name, seen):
    return next((one.state, one.because) for one in stand(seen) if one.station == name)


def test_a_model_whose_loop_is_at_rest_is_quiet_at_every_station_and_says_since_when():
    stations = stand(QUIET)
    assert [one.state for one in stations] == ["quiet"] * 5
    assert [one.because for one in stations] == ["data.kept", "run.finished", "gates.passed", "champion.serves", "quality.kept"]
    assert all(one.since_ms is not None for one in stations)


def test_nothing_was_ever_done_in_a_workspace_that_was_just_applied_so_somebody_must_start_a_run():
    stations = {one.station: one for one in stand(Observed(NOW))}
    assert stations["run"].state == "needs"
    assert {name: one.state for name, one in stations.items() if name != "run"} == {
        "data": "none", "gates": "none", "release": "none", "watch": "none",
    }  # fmt: skip


CASES = [
    ("data", {"contract_broken_ms": NOW}, "broken", "contract.broken"),
    ("run", {"run": "running"}, "working", "run.running"),
    ("run", {"run": "queued"}, "waiting", "run.queued"),
    ("run", {"run": "failed"}, "broken", "run.failed"),
    ("run", {"run": "failed", "run_by": "ann"}, "noted", "run.failed_by_hand"),
    ("run", {"run": "cancelled"}, "quiet", "run.cancelled"),
    ("run", {"run": ""}, "none", "run.elsewhere"),
    ("gates", {"gates": "judging"}, "working", "gates.judging"),
    ("gates", {"gates": "waiting", "gates_next_ms": NOW + DAY_MS}, "waiting", "gates.rows_immature"),
    ("gates", {"gates": "waiting", "gates_next_ms": NOW - DAY_MS}, "working", "gates.next"),
    ("gates", {"fresh_ms": NOW}, "working", "gates.next"),
    ("gates", {"gates": "dropped", "gates_because": "evaluation.failed: x"}, "noted", "evaluation.failed"),
    ("gates", {"gates": "dropped", "gates_because": "evidence.never_enough"}, "quiet", "gates.dropped"),
    ("gates", {"gates": "failed", "gates_because": "gate.failed"}, "quiet", "gates.failed"),
    ("release", {"approval_ms": NOW, "approval_until_ms": NOW + DAY_MS}, "needs", "approval.pending"),
    ("release", {"rollout": CANARY}, "working", "stage.running"),
    ("release", {"rollout": replace(CANARY, entered_ms=None)}, "working", "stage.taken_up"),
    ("release", {"rollout": replace(CANARY, entered_ms=NOW - 2 * DAY_MS)}, "waiting", "stage.too_thin"),
    ("release", {"rollout": replace(CANARY, entered_ms=NOW - 8 * DAY_MS)}, "needs", "stage.inconclusive"),
    ("release", {"rollout": replace(CANARY, paused=True)}, "needs", "rollout.paused"),
    ("release", {"rollout": replace(CANARY, state="waiting")}, "waiting", "rollout.waiting"),
    ("release", {"rollout": replace(CANARY, stage="watch")}, "quiet", "champion.serves"),
    ("release", {"released": False, "competes": True}, "working", "release.next"),
    ("release", {"released": False}, "quiet", "champion.serves"),
    ("watch", {"rollout": replace(CANARY, stage="watch")}, "working", "stage.watch"),
    ("watch", {"quality_ms": NOW}, "broken", "quality.breached"),
    ("watch", {"drift_ms": NOW}, "noted", "drift.detected"),
    ("watch", {"nodes": 0}, "broken", "nodes.none"),
    ("watch", {"node_failed": True}, "broken", "package.failed"),
    ("watch", {"nodes_behind": 1}, "working", "nodes.behind"),
    ("watch", {"window_ms": None}, "waiting", "window.none"),
    ("watch", {"verdict": "none"}, "quiet", "window.undecided"),
    ("watch", {"watches": False}, "none", "quality.not_promised"),
    ("watch", {"champion_ms": None}, "none", "champion.none"),
]


@pytest.mark.parametrize(("station", "seen", "state", "because"), CASES, ids=[f"{c[0]}: {c[3]} {c[1]}"[:60] for c in CASES])
def test_each_station_says_its_state_and_by_which_rule(station, seen, state, because):
    assert at(station, replace(QUIET, **seen)) == (state, because)


def test_a_breach_of_quality_stands_above_everything_else_that_could_be_said_of_production():
    assert at("watch", replace(QUIET, quality_ms=NOW, nodes=0, node_failed=True, drift_ms=NOW)) == ("broken", "quality.breached")


def test_what_waits_for_a_person_stands_above_what_is_broken_and_that_above_what_goes_on_by_itself():
    asked = replace(QUIET, approval_ms=NOW, quality_ms=NOW, run="running")
    assert foremost(stand(asked)).because == "approval.pending"
    assert foremost(stand(replace(asked, approval_ms=None))).because == "quality.breached"
    assert foremost(stand(replace(asked, approval_ms=None, quality_ms=None))).because == "run.running"
    assert foremost(stand(QUIET)).station == "watch"  # of equals, the one that is nearest to the users


def test_two_things_that_wait_for_different_people_are_both_asked():
    both = replace(QUIET, approval_ms=NOW, rollout=replace(CANARY, paused=True))
    assert [one.because for one in asks(both)] == ["approval.pending", "rollout.paused"]
    assert asks(QUIET) == ()


def test_a_deadline_or_the_earliest_end_of_a_stage_is_said_where_there_is_one():
    until = {one.because: one.until_ms for one in stand(replace(QUIET, rollout=CANARY))}
    assert until["stage.running"] == CANARY.entered_ms + CANARY.for_ms
    asked = replace(QUIET, approval_ms=NOW, approval_until_ms=NOW + DAY_MS)
    assert {one.because: one.until_ms for one in stand(asked)}["approval.pending"] == NOW + DAY_MS
    assert {one.until_ms for one in stand(QUIET)} == {None}


def test_every_station_that_can_need_somebody_says_what_it_asks_and_every_state_has_its_place():
    needing = {rule[0] for _, rules in STATIONS for rule in rules if rule[2] == "needs"}
    assert needing == ASKS.keys()
    states = {rule[2] for _, rules in STATIONS for rule in rules}
    assert states <= WEIGHT.keys()
    assert WEIGHT.keys() == NEED.keys()
    assert set(NEED.values()) | {"you"} == set(ORDER)


def test_the_last_rule_of_each_station_always_holds():
    for _, rules in STATIONS:
        assert rules[-1][1](Observed(NOW))
        assert len({rule[0] for rule in rules}) == len(rules)

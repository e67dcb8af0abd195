"""The rollout's decisions, as a table: every stage with every disturbance."""

import itertools

import pytest

from regie.base.clock import DAY_MS
from regie.rollout.decide import RULES, decide
from regie.rollout.types import Abort, Acknowledge, Decision, Enter, Finish, Observed, RolloutSpec, Stage, Wait

SPEC = RolloutSpec(
    (
        Stage("shadow", DAY_MS, min_requests=20, max_ms=7 * DAY_MS),
        Stage("canary", DAY_MS, 0.1, min_requests=20, max_ms=7 * DAY_MS),
        Stage("full"),
        Stage("watch", 14 * DAY_MS),
    )
)
SHADOW, CANARY, FULL, WATCH = range(4)
STAGES = {SHADOW: "shadow", CANARY: "canary", FULL: "full", WATCH: "watch"}
OVER = 10 * DAY_MS


def observed(stage: int = CANARY, **more: object) -> Observed:
    return Observed(**{"stage": stage, "entered_ms": 0, "requests": 1000, **more})  # type: ignore[arg-type]


# What may disturb a stage, and the move that must follow in each of the four stages.
DISTURBANCES: dict[str, tuple[dict[str, object], int, tuple[object, object, object, object]]] = {
    "nothing, in time": ({}, DAY_MS // 2, (Wait(), Wait(), Enter(), Wait())),
    "nothing, time over": ({}, 20 * DAY_MS, (Enter(), Enter(), Enter(), Finish())),
    "a broken guard": ({"broken": ("errors > 1%",)}, DAY_MS // 2, (Abort(), Abort(), Abort(), Abort())),
    "a broken guard while paused": ({"broken": ("errors > 1%",), "paused": True}, OVER, (Abort(), Abort(), Abort(), Abort())),
    "a package that does not load": ({"failed": "cannot be loaded"}, DAY_MS // 2, (Abort(), Abort(), Abort(), Abort())),
    "a pause": ({"paused": True}, 20 * DAY_MS, (Wait(), Wait(), Wait(), Wait())),
    "a node behind": ({"nodes_behind": ("n1",), "entered_ms": None}, 0, (Wait(), Wait(), Wait(), Wait())),
    "all nodes acknowledged": ({"entered_ms": None}, 0, (Acknowledge(),) * 4),
    "too few requests": ({"requests": 3}, 2 * DAY_MS, (Wait(), Wait(), Enter(), Wait())),
    "too few requests to the end": ({"requests": 3}, 20 * DAY_MS, (Wait(), Wait(), Enter(), Finish())),
    "no incumbent": ({"incumbent": False}, 0, (Enter(), Enter(), Enter(), Finish())),
    "no incumbent and a pause": ({"incumbent": False, "paused": True}, 0, (Wait(), Wait(), Wait(), Wait())),
    "a quality breach": ({"quality_breached": True}, DAY_MS // 2, (Wait(), Wait(), Enter(), Abort())),
    "worse than the former": ({"watch": "worse"}, DAY_MS // 2, (Wait(), Wait(), Enter(), Abort())),
    "worse while paused": ({"watch": "worse", "paused": True}, DAY_MS // 2, (Wait(), Wait(), Wait(), Abort())),
    "not worse than the former": ({"watch": "not_worse"}, DAY_MS // 2, (Wait(), Wait(), Enter(), Finish())),
}  # fmt: skip


@pytest.mark.parametrize(("name", "stage"), list(itertools.product(DISTURBANCES, STAGES)))
def test_every_stage_meets_every_disturbance(name: str, stage: int) -> None:
    seen, now, moves = DISTURBANCES[name]
    assert decide(SPEC, observed(stage, **seen), now).do == moves[stage]


def test_a_broken_guard_aborts_even_while_a_person_has_paused_the_rollout() -> None:
    seen = observed(paused=True, broken=("errors > 1%",))
    assert decide(SPEC, seen, DAY_MS // 2) == Decision(Abort(), "guard.broken")


def test_a_first_release_has_no_guard_to_lose_to() -> None:
    assert decide(SPEC, observed(incumbent=False, broken=("errors > 1%",)), 0).do == Enter()


def test_a_stage_that_never_sees_its_minimum_sample_holds_and_says_so() -> None:
    assert decide(SPEC, observed(SHADOW, requests=19), 8 * DAY_MS) == Decision(Wait(), "stage.inconclusive")
    assert decide(SPEC, observed(SHADOW, requests=19), 2 * DAY_MS) == Decision(Wait(), "stage.too_thin")


def test_a_stage_ends_exactly_when_its_time_is_over() -> None:
    assert decide(SPEC, observed(CANARY), DAY_MS - 1) == Decision(Wait(), "stage.running")
    assert decide(SPEC, observed(CANARY), DAY_MS) == Decision(Enter(), "stage.done")


def test_a_rollout_that_ends_with_full_finishes_there() -> None:
    short = RolloutSpec((Stage("full"),))
    assert decide(short, Observed(0, 0), 0) == Decision(Finish(), "rollout.done")


def test_every_rule_can_be_the_one_that_decides() -> None:
    reached = {decide(SPEC, observed(stage, **seen), now).because for seen, now, _ in DISTURBANCES.values() for stage in STAGES}
    reached.add(decide(RolloutSpec((Stage("full"),)), Observed(0, 0), 0).because)
    reached.add(decide(SPEC, observed(SHADOW, requests=1), 8 * DAY_MS).because)
    assert reached == {name for name, _, _ in RULES}

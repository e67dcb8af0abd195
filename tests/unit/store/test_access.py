"""The access policy: the table in the documentation and the table in the code are one."""

from pathlib import Path

import pytest

from regie.store.access import FORBIDDEN, ROLES, TURNS, allowed
from regie.store.types import LOCAL, Actor, system

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "actions.md"
NAMED = ("viewer", "scientist", "engineer", "validator", "owner")


def documented() -> dict[str, set[str]]:
    rights: dict[str, set[str]] = {name: set() for name in NAMED}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or cells[0].startswith("`*"):
            continue
        for role, cell in zip(NAMED, cells[1:6], strict=True):
            if cell == "yes":
                rights[role] |= {action.strip("` ") for action in cells[0].split(",")}
    return rights


@pytest.mark.parametrize("role", NAMED)
def test_each_role_may_exactly_what_the_documentation_says(role: str) -> None:
    written = {action for action in documented()[role] if not action.endswith(".read")}
    assert set(ROLES[role]) == written


def test_nobody_sets_a_champion() -> None:
    everybody = [LOCAL, *(system(turn) for turn in TURNS), Actor("t", kind="task", scope="*"), Actor("n", kind="node")]
    assert not any(allowed(actor, action, "churn", 0).allowed for actor in everybody for action in FORBIDDEN)


def test_only_the_release_turn_and_people_touch_a_rollout() -> None:
    for turn in TURNS:
        assert allowed(system(turn), "rollout.step", "r", 0).allowed == (turn == "release")
    assert not allowed(LOCAL, "rollout.step", "r", 0).allowed
    assert not allowed(Actor("t", kind="task", scope="*"), "rollout.abort", "r", 0).allowed


def test_a_task_writes_only_its_own_run() -> None:
    task = Actor("task", kind="task", scope="run:1 blob:2")
    assert allowed(task, "run.measure", "run:1", 0).allowed
    assert not allowed(task, "run.measure", "run:12", 0).allowed
    assert not allowed(task, "run.measure", "run:2", 0).allowed


def test_an_actor_without_a_role_may_nothing() -> None:
    assert not allowed(Actor("stranger"), "run.read", "run:1", 0).allowed
    assert not allowed(Actor("stranger"), "run.create", "run:1", 0).allowed

"""The access policy: the table in the documentation and the table in the code are one, cell by cell, and deny wins."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regie
from regie.app.policy import PUBLIC, ROUTES
from regie.store.access import ACTIONS, FORBIDDEN, NODE, ROLES, TASK, TURNS, allowed, ever
from regie.store.types import LOCAL, Actor, system

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "actions.md"
SOURCE = Path(regie.__file__).parent
NAMED = ("viewer", "scientist", "engineer", "validator", "owner")
OWN = {"run.measure": "run:1", "run.change": "run:1", "blob.put": "put:x", "node.sync": "n"}
READS = ("run.read", "audit.read", "spec.read", "approval.read", "anything.read")


def table() -> dict[str, list[str]]:
    """Action to its cells: viewer, scientist, engineer, validator, owner, task, node."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            for action in re.findall(r"`([a-z*]+\.[a-z]+)`", cells[0]):
                assert action not in found, f"{action} stands in the table twice"
                found[action] = cells[1:]
    return found


TABLE = table()
CELLS = [(action, place) for action in TABLE for place in range(len(NAMED))]


@pytest.mark.parametrize(("action", "place"), CELLS, ids=[f"{action}-{NAMED[place]}" for action, place in CELLS])
def test_each_role_may_exactly_what_its_cell_says(action, place):
    actor = Actor("ann", frozenset({NAMED[place]}))
    for one in READS if action.startswith("*") else (action,):
        assert allowed(actor, one, "anything", 0).allowed == (TABLE[action][place] == "yes")
        assert ever(actor, one, 0) == allowed(actor, one, "anything", 0)


@pytest.mark.parametrize("action", [action for action in TABLE if action not in ("*.read", "audit.read")])
def test_tasks_and_nodes_may_what_their_cell_says_and_only_to_what_is_theirs(action):
    for actor, cell in ((Actor("task:1", kind="task", scope="run:1 put:*"), 5), (Actor("n", kind="node", scope="n"), 6)):
        said = bool(TABLE[action][cell])
        assert ever(actor, action, 0).allowed == said
        assert allowed(actor, action, OWN.get(action, "run:1"), 0).allowed == said
        for other in ("run:2", "run:12", "m", "", "*"):
            assert not allowed(actor, action, other, 0).allowed


def test_the_table_shows_every_action_that_a_role_a_task_or_a_node_has():
    assert {one for one in TABLE if not one.endswith(".read")} == frozenset().union(*ROLES.values(), TASK, NODE)


def test_what_only_turns_may_is_written_below_the_table():
    reserved = PAGE.read_text().split("given to no role:")[1].split("\n\n")[0]
    alone = frozenset().union(*TURNS.values(), FORBIDDEN) - frozenset().union(*ROLES.values())
    named = set(re.findall(r"`([a-z]+\.[a-z]+)`", reserved.split("The champion changes only")[0]))
    assert named == alone
    for role in NAMED:
        assert not any(allowed(Actor("ann", frozenset({role})), action, "x", 0).allowed for action in alone)


def asked() -> set[str]:
    """Every action that code asks for: what is handed to change, may, read, refuse, could, as text."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("change", "may", "read", "refuse", "could"):
                for one in (part for argument in node.args[:2] for part in ast.walk(argument)):
                    if isinstance(one, ast.Constant) and re.fullmatch(r"[a-z]+\.[a-z]+", str(one.value)):
                        found.add(str(one.value))
    return found


def test_every_action_that_a_route_or_a_change_asks_is_in_the_table():
    used = asked() | {action for action in ROUTES.values() if action != PUBLIC}
    assert len(used) > 40
    assert {one for one in used if not one.endswith(".read")} - ACTIONS == set()


def test_every_action_of_the_table_is_asked_somewhere():
    text = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "access.py")
    built = {"rollout.pause", "rollout.resume", "approval.grant", "approval.refuse"}  # `f"rollout.{word}"`
    assert [action for action in sorted(ACTIONS - built) if f'"{action}"' not in text] == []


PEOPLE = st.builds(
    Actor, st.just("ann"), st.frozensets(st.sampled_from(NAMED)), st.just("person"), st.just(""),
    st.frozensets(st.sampled_from([*NAMED, *sorted(ACTIONS), *READS]), max_size=3),
)  # fmt: skip


@given(PEOPLE, st.sampled_from([*sorted(ACTIONS), *READS]), st.text(max_size=5))
def test_a_deny_beats_every_role_and_gives_nothing(actor, action, target):
    here = allowed(actor, action, target, 0).allowed
    without = allowed(Actor("ann", actor.roles), action, target, 0).allowed
    assert not here or without
    if action in actor.denied:
        assert not here
    for role in actor.denied & set(NAMED):
        if action in ROLES[role] - ROLES["viewer"] or (role == "viewer" and action.endswith(".read")):
            assert not here


def test_a_denied_role_takes_its_actions_from_a_wider_one():
    owner = Actor("ann", frozenset({"owner"}), denied=frozenset({"scientist"}))
    assert not allowed(owner, "run.create", "x", 0).allowed
    assert allowed(owner, "spec.apply", "x", 0).allowed
    assert allowed(owner, "run.read", "x", 0).allowed
    assert not allowed(Actor("ann", frozenset({"owner"}), denied=frozenset({"viewer"})), "run.read", "x", 0).allowed


def test_nobody_sets_a_champion():
    everybody = [LOCAL, *(system(turn) for turn in TURNS), Actor("t", kind="task", scope="*"), Actor("n", kind="node", scope="*")]
    for actor in everybody:
        assert not any(allowed(actor, action, "churn", 0).allowed or ever(actor, action, 0).allowed for action in FORBIDDEN)


def test_only_the_release_turn_and_people_touch_a_rollout():
    for turn in TURNS:
        assert allowed(system(turn), "rollout.step", "r", 0).allowed == (turn == "release")
    assert not allowed(LOCAL, "rollout.step", "r", 0).allowed
    assert not allowed(Actor("t", kind="task", scope="*"), "rollout.abort", "r", 0).allowed


def test_a_task_reads_its_own_run_and_inputs_only():
    task = Actor("task", kind="task", scope="run:1 blob:2")
    assert allowed(task, "run.read", "run:1", 0).allowed
    assert allowed(task, "blob.read", "blob:2", 0).allowed
    for action, target in (("run.read", "run:2"), ("blob.read", "blob:3"), ("spec.read", "w"), ("audit.read", "audit")):
        assert not allowed(task, action, target, 0).allowed
    assert not ever(task, "audit.read", 0).allowed


@pytest.mark.parametrize("actor", [Actor("stranger"), Actor("ann", frozenset({"chief"})), Actor("x", kind="robot")])
def test_an_actor_without_a_role_that_exists_may_nothing(actor):
    assert not any(allowed(actor, action, "run:1", 0).allowed for action in [*ACTIONS, *READS])

"""How far a run is, as a page shows it: a table of states, waits, windows; and graphs of runs that kept none."""

import pytest

from regie.base.errors import NotFound
from regie.pipelines.graph import Argument, Graph, Node
from regie.pipelines.progress import inferred, looked_at, spots, state_of, windows_of


def node(name: str, *takes: str, dataset: str = "") -> Node:
    given = {f"a{at}": Argument("ref", one) for at, one in enumerate(takes)}
    return Node(name, f"flow:{name}", given | ({"d": Argument("input", dataset)} if dataset else {}), "Table")


def graph(*nodes: Node) -> Graph:
    return Graph("flow:train", ("rows",), {}, nodes, Argument("ref", nodes[-1].name))


def attempt(
    name: str, state: str = "finished", began: int = 0, ended: int | None = 10, window: str = "", number: int = 1
) -> dict:
    return {"name": name, "window": window, "state": state, "started_wall_ms": began, "ended_wall_ms": ended, "attempt": number}


DIAMOND = graph(
    node("read", dataset="rows"),
    node("left", "read"),
    node("right", "read"),
    node("join", "left", "right"),
    node("alone", dataset="rows"),
)


@pytest.mark.parametrize(
    ("states", "run", "state"),
    [
        ([], "queued", "waiting"),
        ([], "running", "waiting"),
        ([], "failed", "unreached"),
        ([], "cancelled", "unreached"),
        (["running"], "running", "running"),
        (["failed"], "running", "retrying"),
        (["failed", "running"], "running", "running"),
        (["failed", "failed"], "failed", "failed"),
        (["failed", "finished"], "finished", "finished"),
        (["cached"], "running", "cached"),
    ],
)
def test_the_state_of_a_task_is_that_of_its_last_attempt_or_whether_one_may_come(states, run, state):
    assert state_of([{"state": one} for one in states], run) == state


def test_a_wait_begins_when_all_that_a_task_takes_is_there():
    made = [
        attempt("read", ended=10),
        attempt("left", began=12, ended=20),
        attempt("right", began=21, ended=50),
        attempt("join", began=57),
    ]
    waited = {one.task: one.waited_ms for one in spots(DIAMOND, [""], made, "finished")}
    assert waited == {"read": None, "left": 2, "right": 11, "join": 7, "alone": None}


def test_what_follows_a_task_is_told_by_the_graph_and_an_unknown_task_is_an_error():
    assert DIAMOND.followed(["left"]) == ("left", "join")
    assert DIAMOND.followed(["join", "read"]) == ("read", "left", "right", "join")
    with pytest.raises(NotFound, match="no task fit"):
        DIAMOND.followed(["fit"])


@pytest.mark.parametrize(
    ("promised", "seen", "windows"),
    [
        (["all", "last 8w"], [], ["all", "last 8w"]),
        (["all", "last 8w"], ["last 8w"], ["last 8w", "all"]),
        ([], ["all", "last 8w"], ["all", "last 8w"]),
        (["all"], [""], [""]),
        ([], [], [""]),
    ],
)
def test_the_windows_of_a_run_are_those_that_began_then_those_that_may_come(promised, seen, windows):
    assert windows_of(promised, [attempt("read", window=one) for one in seen]) == windows


@pytest.mark.parametrize(
    ("made", "state", "window"),
    [
        ([attempt("read", window="a"), attempt("read", "failed", window="b")], "failed", "b"),
        ([attempt("read", window="a"), attempt("read", "running", window="b")], "running", "b"),
        ([attempt("read", window="a")], "running", "a"),
        ([], "queued", "a"),
    ],
)
def test_a_person_sees_first_the_window_in_which_something_failed_or_runs(made, state, window):
    assert looked_at(spots(DIAMOND, ["a", "b"], made, state), ["a", "b"]) == window


def test_the_graph_of_an_older_run_is_inferred_from_what_its_tasks_took_and_returned():
    tasks = [
        {"name": "rows", "window": "a", "step": "flow:rows", "inputs": {"d": {"kind": "dataset", "digest": "1", "name": "flights"}},
         "output": {"kind": "table", "digest": "2"}},
        {"name": "fit", "window": "a", "step": "flow:fit",
         "inputs": {"rows": {"kind": "table", "digest": "2"}, "trees": {"kind": "json", "value": 3}, "x": {"kind": "table", "digest": "9"}},
         "output": {"kind": "model", "digest": "3"}},
        {"name": "fit", "window": "b", "step": "flow:fit", "inputs": {}, "output": None},
    ]  # fmt: skip
    found = inferred("flow:train", tasks)
    assert [(one.name, one.refs, one.returns) for one in found.nodes] == [("rows", [], "Table"), ("fit", ["rows"], "Model")]
    assert found.datasets == ("flights",)
    assert inferred("flow:train", []).nodes == ()

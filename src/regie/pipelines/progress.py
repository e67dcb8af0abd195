"""How far a run is: of each task and training window its state, its attempts, and how long it waited for its turn.

Pure. Times are the machine's milliseconds. The graph is the one that the run was planned with; of a run that was planned before graphs
were kept, it is inferred from what its tasks took and returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from regie.pipelines.graph import Argument, Graph, Node

State = Literal["waiting", "running", "retrying", "finished", "cached", "failed", "unreached"]
LIVE = ("queued", "running")


@dataclass(frozen=True)
class Spot:
    """One task in one window. `attempts`: in their order; `waited_ms`: from when all that it takes was there to its first attempt."""

    task: str
    window: str
    state: State
    attempts: tuple[Mapping[str, Any], ...]
    waited_ms: int | None


def spots(graph: Graph, windows: Sequence[str], attempts: Sequence[Mapping[str, Any]], run_state: str) -> list[Spot]:
    """Every task of every window, in the order of the graph, window by window."""
    made: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in attempts:
        made.setdefault((one["window"], one["name"]), []).append(one)
    return [_spot(node, window, made, run_state) for window in windows for node in graph.nodes]


def _spot(node: Node, window: str, made: Mapping[tuple[str, str], list[Mapping[str, Any]]], run_state: str) -> Spot:
    own = made.get((window, node.name), [])
    return Spot(node.name, window, state_of(own, run_state), tuple(own), _waited(node, window, own, made))


def state_of(attempts: Sequence[Mapping[str, Any]], run_state: str) -> State:
    """By the last attempt; where there is none, by whether one may still come."""
    live = run_state in LIVE
    if not attempts:
        return "waiting" if live else "unreached"
    last: State = attempts[-1]["state"]
    # A failed attempt of a run that goes on is tried again; the last one ends the run with it.
    return "retrying" if last == "failed" and live else last


def _waited(
    node: Node, window: str, own: Sequence[Mapping[str, Any]], made: Mapping[tuple[str, str], list[Mapping[str, Any]]]
) -> int | None:
    """None where it began at once, was answered by the cache, or takes nothing that a task returned."""
    if not own or own[0]["state"] == "cached" or not node.refs:
        return None
    ends = [one["ended_wall_ms"] for name in node.refs for one in made.get((window, name), [])[-1:]]
    known = [end for end in ends if end is not None]
    return max(0, own[0]["started_wall_ms"] - max(known)) if known else None


def windows_of(promised: Sequence[str], attempts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The windows of a run, in the order in which they were trained, then those that `regie.yaml` promises besides."""
    seen = list(dict.fromkeys(one["window"] for one in attempts))
    if seen == [""]:
        return seen
    return [*seen, *(one for one in promised if one not in seen)] or [""]


def looked_at(found: Sequence[Spot], windows: Sequence[str]) -> str:
    """The window that a person wants to see first: one that failed, one that runs, else the last one that has begun."""
    for state in ("failed", "retrying", "running"):
        if window := next((one.window for one in found if one.state == state), None):
            return window
    begun = {one.window for one in found if one.attempts}
    return next((window for window in reversed(windows) if window in begun), windows[0])


def inferred(pipeline: str, tasks: Sequence[Mapping[str, Any]]) -> Graph:
    """A graph from what tasks took and returned, by digest; a JSON value that one returned to another is not told apart."""
    nodes: dict[str, Node] = {}
    for task in tasks:
        if task["name"] not in nodes:
            earlier = [one for one in tasks if one["window"] == task["window"] and one["name"] in nodes]
            given = {name: _argument(value, earlier) for name, value in (task["inputs"] or {}).items()}
            returns = {"table": "Table", "model": "Model"}.get((task["output"] or {}).get("kind", ""), "json")
            nodes[task["name"]] = Node(task["name"], task["step"], given, returns)
    datasets = dict.fromkeys(one.value for node in nodes.values() for one in node.arguments.values() if one.kind == "input")
    return Graph(pipeline, tuple(datasets), {}, tuple(nodes.values()), Argument("value", None))


def _argument(given: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> Argument:
    if given["kind"] == "dataset":
        return Argument("input", given.get("name") or "dataset")
    if given["kind"] == "json":
        return Argument("value", given["value"])
    made = (one["name"] for one in reversed(earlier) if (one["output"] or {}).get("digest") == given["digest"])
    name = next(made, None)
    return Argument("value", None) if name is None else Argument("ref", name)

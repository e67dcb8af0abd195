"""One task of a pipeline's run: why it ran, what it took and returned, how it failed."""

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Act, Shown
from regie.app.pages.pipeline_run import again_act, graph_shown
from regie.app.pages.pipeline_words import SHOWN_CHARS, Held, TaskState, cut, held
from regie.base.errors import NotFound
from regie.loop.scene import scene
from regie.pipelines import progress, queries, why
from regie.pipelines.graph import Node

router = APIRouter()
PARTS, TRACE = 300, 40_000
Sort = Literal["step", "parameter", "input", "code", "settings", "lock"]


class PartShown(Shown):
    """One part of the key. `before`, `now`: a digest, or a value; empty where it was not there."""

    sort: Sort
    name: str
    before: str
    now: str
    differs: bool


class Reason(Shown):
    """Why it ran or did not. `rule`: cached, asked, first.time, differs, nothing.differs; parts that differ come first."""

    rule: str
    before_run: str
    before_task: str
    parts: list[PartShown]
    differing: int


class InputShown(Shown):
    """An argument. `task`: whose output it is; `dataset`: whose rows."""

    name: str
    task: str
    dataset: str
    held: Held | None


class ErrorShown(Shown):
    """`code` where it is an error of Regie's own."""

    type: str
    message: str
    traceback: str
    code: str
    command: str


class Chosen(Shown):
    """The attempt that is looked at."""

    task_id: str
    attempt: int
    state: TaskState
    started_wall_ms: int
    ended_wall_ms: int | None
    exit: int | None
    mlflow_run_id: str
    cache_key: str
    computed_run: str
    why: Reason
    output: Held | None
    error: ErrorShown | None


class TaskPage(Shown):
    """`chosen` is None before there is an attempt; then `inputs` are what the graph says."""

    run_id: str
    name: str
    window: str
    step: str
    state: TaskState
    attempts: list[int]
    inputs: list[InputShown]
    chosen: Chosen | None
    again: Act
    command: str


@router.get("/api/v1/pages/pipeline-run/{run_id}/task", response_model=TaskPage)
def page(
    run_id: str, caller: Caller, request: Request, name: Annotated[str, Query(max_length=128)],
    window: Annotated[str, Query(max_length=32)] = "", attempt: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
) -> TaskPage:  # fmt: skip
    """`attempt` 0: the newest."""
    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    with caller.read("run.read", run_id) as db:
        run = queries.run(db, run_id, caller.workspace)
        graph, kind = graph_shown(db, caller, run)
        node = next((one for one in graph.nodes if one.name == name), None)
        if node is None:
            raise NotFound(f"run {run_id} has no task {name}", caller.workspace, f"regie run show {run_id}")
        made = queries.attempts_at(db, run_id, name, window)
        seen = next((one for one in made if one["attempt"] == attempt), made[-1] if made else None)
        chosen = _chosen(db, caller, seen, run["state"]) if seen else None
    given = (seen["inputs"] if seen else None) or {}
    return TaskPage(
        run_id=run_id, name=name, window=window, step=node.step, state=progress.state_of(made, run["state"]),
        attempts=[one["attempt"] for one in made], inputs=[_input(caller, node, one, given.get(one)) for one in node.arguments],
        chosen=chosen, again=again_act(caller, run, here.spec.pipelines if here else {}, name, kind),
        command=f"regie why {shlex.quote(f'{run_id}/{name}' + (f':{window}' if window else ''))}",
    )  # fmt: skip


def _input(caller: CallerOf, node: Node, name: str, given: Mapping[str, Any] | None) -> InputShown:
    argument = node.arguments[name]
    if given is None and argument.kind == "value":
        given = {"kind": "json", "value": argument.value}
    return InputShown(
        name=name, task=argument.value if argument.kind == "ref" else "", dataset=argument.value if argument.kind == "input" else "",
        held=held(caller.store.blobs, given) if given else None,
    )  # fmt: skip


def _chosen(db: Connection, caller: CallerOf, task: Mapping[str, Any], run_state: str) -> Chosen:
    names = ("attempt", "started_wall_ms", "ended_wall_ms", "exit", "mlflow_run_id", "cache_key")
    source = queries.computed_by(db, task["run_id"]).get(task["id"]) if task["cached_from"] else None
    return Chosen(
        **{name: task[name] for name in names}, task_id=task["id"], state=task["state"], why=_why(db, caller, dict(task)),
        computed_run=source["run_id"] if source else "", output=held(caller.store.blobs, task["output"]) if task["output"] else None,
        error=_error(task) if task["error"] else None,
    )  # fmt: skip


def _why(db: Connection, caller: CallerOf, task: dict[str, Any]) -> Reason:
    found = why.of_task(db, task, caller.store.blobs)
    differing = [_part(one.part, one.before, one.now, True) for one in found.differences]
    changed = {one.part.partition(":")[0] for one in found.differences}
    same = [_part(name, value, value, False) for name, value in found.parts.items() if name not in changed]
    return Reason(
        rule=found.rule, before_run=found.before_run, before_task=found.before_task, parts=[*differing, *same][:PARTS],
        differing=len(differing),
    )  # fmt: skip


def _part(part: str, before: str, now: str, differs: bool) -> PartShown:
    sorts: dict[str, Sort] = {"parameter": "parameter", "input": "input", "code": "code", "lock:": "lock"}
    first, _, rest = part.partition(" ")
    sort: Sort = sorts.get(first) or {"step": "step", "lock": "lock"}.get(part, "settings")  # type: ignore[assignment]
    return PartShown(sort=sort, name=rest if first in sorts else part, before=cut(before), now=cut(now), differs=differs)


def _error(task: Mapping[str, Any]) -> ErrorShown:
    said = {name: str(task["error"].get(name, "")) for name in ("type", "message", "code")}
    said |= {"message": cut(said["message"], 2 * SHOWN_CHARS), "traceback": str(task["error"].get("traceback", ""))[-TRACE:]}
    return ErrorShown(**said, command=f"regie run logs {task['run_id']}/{task['name']}")

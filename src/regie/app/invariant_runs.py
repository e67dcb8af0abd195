"""The invariants of runs, and of the tasks and versions that they make. Each check yields in words what breaks it."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from regie.app.invariant_look import LIVE, Look, repeated
from regie.pipelines.tables import pipeline_runs, tasks
from regie.registry.tables import model_versions, registered_models
from regie.tracking.tables import runs

SHOWN = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


def runs_ended(look: Look) -> Iterator[str]:
    """A run ended once, as its event says; one that lives has not ended."""
    ends: dict[str, list[str]] = defaultdict(list)
    for one in look.told("run.finished", "run.failed"):
        ends[one.subject].append(str(one.data.get("state")))
    started = Counter(one.subject for one in look.told("run.started"))
    for row in look.rows(pipeline_runs):
        wanted = [] if row.state in LIVE else [row.state]
        if ends[row.run_id] != wanted:
            yield f"run {row.run_id} is {row.state}; its events say it ended as {ends[row.run_id]}"
        if started[row.run_id] > 1:
            yield f"run {row.run_id} was started {started[row.run_id]} times"


def runs_shown(look: Look) -> Iterator[str]:
    """The MLflow run of a pipeline's run, and of each task, has its status."""
    status = {row.id: row.status for row in look.rows(runs)}
    for row in look.rows(pipeline_runs):
        shown = status.get(row.run_id)
        if shown != SHOWN[row.state] if row.state in SHOWN else shown not in ("RUNNING", "SCHEDULED"):
            yield f"run {row.run_id} is {row.state}, its MLflow run is {shown}"
    for row in look.rows(tasks):
        if (row.state == "running") != (status.get(row.mlflow_run_id) in ("RUNNING", "SCHEDULED")):
            yield f"task {row.id} is {row.state}, its MLflow run is {status.get(row.mlflow_run_id)}"


def tasks_ended(look: Look) -> Iterator[str]:
    """An attempt's result was accepted once, as its event says; attempts at a task are numbered without a gap."""
    ends: dict[str, list[str]] = defaultdict(list)
    for one in look.told("task.finished", "task.failed"):
        ends[str(one.data["task"])].append(str(one.data["state"]))
    attempts: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in look.rows(tasks):
        wanted = [] if row.state == "running" else [row.state]
        if ends[row.id] != wanted:
            yield f"task {row.id} is {row.state}; its events say it ended as {ends[row.id]}"
        attempts[row.run_id, row.name, row.window].append(row.attempt)
    for (run_id, name, _), numbers in attempts.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"the attempts at task {run_id}/{name} are {sorted(numbers)}"


def tasks_live(look: Look) -> Iterator[str]:
    """A task that runs belongs to a run that has not ended."""
    state = {row.run_id: row.state for row in look.rows(pipeline_runs)}
    for row in look.rows(tasks):
        if row.state == "running" and state.get(row.run_id) not in LIVE:
            yield f"task {row.id} runs, its run {row.run_id} is {state.get(row.run_id)}"


def versions(look: Look) -> Iterator[str]:
    """A version was registered once, under a number that its model gave out; a run registered a window's model once."""
    last = {(row.workspace, row.name): row.last_version for row in look.rows(registered_models)}
    told = Counter((one.workspace, one.subject) for one in look.told("model.registered"))
    for row in look.rows(model_versions):
        if not 0 < row.version <= last.get((row.workspace, row.name), 0):
            yield f"{row.name}@{row.version} of {row.workspace} has a number that its model never gave out"
        if told[row.workspace, f"{row.name}@{row.version}"] > 1:
            yield f"{row.name}@{row.version} of {row.workspace} was registered more than once"
    made = ((row.workspace, row.name, row.run_id, row.window) for row in look.rows(model_versions) if row.run_id and row.window)
    for key in repeated(made):
        yield f"run {key[2]} registered several versions of {key[1]} for the window {key[3]}"

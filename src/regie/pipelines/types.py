"""What an execution is asked for, what its tasks share, and how it may fail."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regie.base.errors import RegieError
from regie.pipelines.code import Project
from regie.store.types import NOBODY_CAUSE, Cause

Value = dict[str, Any]


class StepFailed(RegieError):
    """A task failed in each of its attempts."""

    code, status, exit_code = "pipeline.step_failed", 500, 1

    def __init__(self, task: str, step: str, attempt: int, error: Value, log: str, run_id: str) -> None:
        super().__init__(
            what=f"{error['type']}: {error['message']}" if error["type"] != "ProcessDied" else str(error["message"]),
            where=f"step {step}, task {task}, attempt {attempt}",
            do=f"regie run logs {run_id}/{task}",
        )
        self.task, self.step, self.attempt, self.error, self.log = task, step, attempt, error, log


class PlanFailed(RegieError):
    """The graph of a pipeline could not be built."""

    code, status, exit_code = "pipeline.plan_failed", 422, 1


class RunCancelled(RegieError):
    """The run was cancelled, or its job taken over, while it worked."""

    code, status, exit_code = "pipeline.cancelled", 409, 1


@dataclass(frozen=True)
class RunRequest:
    """What is to be executed. `run_id` is a pipeline's run and the MLflow run of the same id, which is there already.

    `code`: digest of the project's zip. `texts`: parameters as a command line gave them. `model`: `{"kind", "positive"}` of the task
    that `regie.yaml` states, for the packages that steps return. `fresh`: tasks that run even where the cache has their output.
    """

    run_id: str
    workspace: str
    function: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    cause: Cause = NOBODY_CAUSE
    fresh: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Environment:
    """What all tasks of one execution share."""

    code_path: Path
    project: Project
    lock: str
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class Parent:
    """The pipeline's own MLflow run, below which its tasks' runs lie."""

    run_id: str
    experiment_id: str
    user: str

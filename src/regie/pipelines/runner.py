"""Execute a run on a worker: plan its graph, then its tasks in order; each in a child, answered by the cache where nothing changed.

The worker holds the store; a child holds a token for its own inputs and its own MLflow run. Each attempt is one task row, one nested
MLflow run and one log; rows and events are written by the train turn's right `task.record`.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from regie.base.clock import SECOND_MS, wall_ms
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.pipelines import cache, changes, lock, measurements, project, queries
from regie.pipelines.code import CodeParts, Project
from regie.pipelines.executors import ProcessExecutor, TaskResult, installed, libraries_of
from regie.pipelines.graph import Argument, Graph, Node, from_json
from regie.store import tokens
from regie.store.change import Change, Store
from regie.store.types import NOBODY_CAUSE, Cause, system
from regie.tracking import changes as tracking
from regie.tracking import queries as tracked
from regie.tracking.types import KIND

Value = dict[str, Any]
PLAN_S = 300.0  # importing a project's modules; a pipeline's function only calls steps
GRACE_MS = 60 * SECOND_MS
# What functions of Regie's own need to open packages and to judge: loaded once, where installed (1.5 s each time else).
CALLED = installed(("numpy", "pyarrow.parquet", "pyarrow.compute", "pandas", "sklearn", "lightgbm", "regie.gates.evaluate"))
RETRY_S, LONGEST_RETRY_S = 1.0, 30.0  # doubles from attempt to attempt


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
    that `regie.yaml` states, for the packages that steps return.
    """

    run_id: str
    workspace: str
    function: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    cause: Cause = NOBODY_CAUSE


@dataclass(frozen=True)
class Environment:
    """What all tasks of one execution share."""

    code_path: Path
    project: Project
    lock: str
    libraries: tuple[str, ...]


class Runner:
    """Executes runs; any number of threads may share one. `retry_s`: the wait before the second attempt, in seconds."""

    def __init__(self, store: Store, executor: ProcessExecutor, server_url: str, scratch: Path, retry_s: float = RETRY_S) -> None:
        self.store, self.executor, self.server, self.scratch = store, executor, server_url.rstrip("/"), scratch
        self.retry_s = retry_s
        scratch.mkdir(parents=True, exist_ok=True)

    def plan(self, run: RunRequest, on_wait: Callable[[], bool] = lambda: True) -> Graph:
        """Build the graph in a child. Raises PlanFailed with what the user's code raised."""
        environment = self.environment(run)
        payload = {
            "kind": "plan", "pipeline": run.function, "params": run.params, "texts": run.texts,
            "code_path": str(environment.code_path),
        }  # fmt: skip
        result = self._child(payload, environment, PLAN_S, on_wait)
        if not result.ok:
            raise PlanFailed(str(result.error["message"]), run.function, _last_line(result.error["traceback"]))
        return from_json(result.output)

    def call(
        self, function: str, arguments: Value, on_wait: Callable[[], bool] = lambda: True, timeout_s: float | None = None
    ) -> Value:
        """Run a function of Regie's own (`module:function`) on a JSON value in a child. Raises StepFailed."""
        result = self._child({"kind": "call", "function": function, "arguments": arguments}, None, timeout_s, on_wait)
        if result.how == "cancelled":
            raise RunCancelled(f"{function} was cancelled")
        if not result.ok:
            raise StepFailed(function, function, 1, result.error, str(result.error["traceback"]), "")
        return result.output

    def execute(
        self, run: RunRequest, graph: Graph, inputs: dict[str, Value], window: str = "",
        on_wait: Callable[[], bool] = lambda: True,
    ) -> Value:  # fmt: skip
        """Execute the graph on these inputs (dataset parameter to `{"kind": "dataset", "digest", "name"}`); returns its output.

        Raises StepFailed, RunCancelled. May be repeated after a crash: what had finished is answered by the cache.
        """
        environment = self.environment(run)
        self._abandon(run, window)
        outputs: dict[str, Value] = {}
        made_by: dict[str, str] = {}
        handed_on = {name for node in graph.nodes for name in node.refs}
        for node in graph.nodes:
            given = {name: self._given(one, inputs, outputs) for name, one in node.arguments.items()}
            code = environment.project.closure(*node.step.split(":"))
            behind = {name: made_by.get(one.value, "") for name, one in node.arguments.items() if one.kind == "ref"}
            made_by[node.name] = code.digest
            work = _Work(self, run, environment, node, window, given, code, behind, node.name in handed_on)
            outputs[node.name] = work.done(on_wait)
        return self._given(graph.output, inputs, outputs)

    def environment(self, run: RunRequest) -> Environment:
        """The project's code unpacked, and the lock as it is now."""
        packed = self.store.blobs.get(run.code)
        folder = self.scratch / "code" / run.code.removeprefix("sha256:")
        if not folder.is_dir():
            folder.parent.mkdir(exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=folder.parent))
            project.unpack(packed, temporary)
            try:
                temporary.rename(folder)
            except OSError:  # another worker was faster, with the same content
                shutil.rmtree(temporary)
        os.utime(folder)  # in use: what nobody has used for a day is removed when a worker starts
        sources = project.files(packed)
        return Environment(folder, Project(sources), cache.keep_lock(self.store, lock.current()), libraries_of(sources))

    def _given(self, argument: Argument, inputs: dict[str, Value], outputs: dict[str, Value]) -> Value:
        if argument.kind == "value":
            return {"kind": "json", "value": argument.value}
        return outputs[argument.value] if argument.kind == "ref" else inputs[argument.value]

    def _child(
        self, payload: Value, environment: Environment | None, timeout_s: float | None, on_wait: Callable[[], bool]
    ) -> TaskResult:
        with self.working_folder() as folder:
            payload = payload | {"workdir": str(folder / "work")}
            lock_digest, libraries = (environment.lock, environment.libraries) if environment else ("", CALLED)
            return self.executor.run(payload, timeout_s, folder / "log.txt", on_wait, lock=lock_digest, libraries=libraries)

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """An empty folder with an empty `work` in it, removed at the end."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch, prefix="task-"))
        (folder / "work").mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _abandon(self, run: RunRequest, window: str) -> None:
        with self.change(run) as tx:
            for mlflow_run in changes.abandon_tasks(tx, run.run_id, window):
                tracking.end_run(tx, mlflow_run, "KILLED")

    @contextmanager
    def change(self, run: RunRequest) -> Iterator[Change]:
        """One change by the train turn."""
        with self.store.change(system("train"), "task.record", run.run_id, workspace=run.workspace, cause=run.cause) as tx:
            yield tx


class _Work:
    """One task of a run: the cache, then attempt after attempt."""

    def __init__(
        self, runner: Runner, run: RunRequest, environment: Environment, node: Node, window: str, given: dict[str, Value],
        code: CodeParts, behind: dict[str, str], hand_on: bool,
    ) -> None:  # fmt: skip
        self.runner, self.store, self.run, self.environment, self.node = runner, runner.store, run, environment, node
        self.window, self.given, self.hand_on = window, given, hand_on
        settings = {**run.model, "hand_on": hand_on}
        self.parts = cache.parts_of(node, code, given, behind, environment.lock, settings)
        self.key = cache.key_of(self.parts)

    def done(self, on_wait: Callable[[], bool]) -> Value:
        """The output, from the cache or from the first attempt that succeeds. Raises StepFailed, RunCancelled."""
        found = cache.look_up(self.store, self.run.workspace, self.key) if self.node.deterministic else None
        if found is not None:
            return self.replay(found)
        for number in range(self.node.retries + 1):
            if number and not self.pause(number, on_wait):
                raise RunCancelled("the run was cancelled", self.run.run_id)
            task, result, log = self.attempt(on_wait)
            if result.ok:
                if self.node.deterministic:
                    cache.keep(self.store, self.run.workspace, self.key, self.node.step, self.parts, result.output, task["id"])
                return result.output
            if result.how == "cancelled":
                raise RunCancelled("the run was cancelled", f"{self.run.run_id}/{self.node.name}")
        raise StepFailed(self.node.name, self.node.step, task["attempt"], result.error, log, self.run.run_id)

    def pause(self, number: int, on_wait: Callable[[], bool]) -> bool:
        """Wait before another attempt; False where the run was cancelled meanwhile."""
        left = min(self.runner.retry_s * 2 ** (number - 1), LONGEST_RETRY_S)
        while left > 0:
            if not on_wait():
                return False
            Event().wait(min(left, 0.5))
            left -= 0.5
        return on_wait()

    def attempt(self, on_wait: Callable[[], bool]) -> tuple[Value, TaskResult, str]:
        """One attempt: (its row, how it ended, where its log lies)."""
        task, token = self.begin()
        with self.runner.working_folder() as folder:
            payload = self.payload(task, token, folder / "work")
            try:
                result = self.runner.executor.run(
                    payload, self.node.timeout_s, folder / "log.txt", on_wait, lock=self.environment.lock,
                    libraries=self.environment.libraries, memory_bytes=self.node.memory_bytes, threads=self.node.threads,
                    env=self.mlflow(task, token),
                )  # fmt: skip
            except BaseException:
                self.end(task, token, TaskResult("died", {}, _error("the worker stopped"), None, 0.0))
                raise
            log = measurements.keep_log(self.store, self.run.workspace, task, folder / "log.txt")
        self.end(task, token, result)
        return task, result, log

    def begin(self) -> tuple[Value, str]:
        task = self.row()
        until = None if self.node.timeout_s is None else wall_ms() + int(self.node.timeout_s * SECOND_MS) + GRACE_MS
        with self.runner.change(self.run) as tx:
            self.create_run(tx, task)
            changes.start_task(tx, task)
            token = tokens.issue(tx, f"task:{task['id']}", "task", self.scope(task), until)
        return task, token

    def row(self) -> Value:
        with self.store.read() as db:
            made = queries.attempts(db, self.run.run_id, self.node.name, self.window)
        return {
            "id": new_id(), "run_id": self.run.run_id, "name": self.node.name, "window": self.window, "step": self.node.step,
            "attempt": made + 1, "cache_key": self.key, "parts": self.parts, "inputs": self.given, "mlflow_run_id": new_id(),
        }  # fmt: skip

    def create_run(self, tx: Change, task: Value) -> None:
        """The task's own MLflow run, below the pipeline's."""
        parent = tracked.run(tx.connection, self.run.run_id, self.run.workspace)
        name = f"{self.node.name} ({self.window})" if self.window else self.node.name
        tracking.create_run(
            tx,
            parent.experiment_id,
            name,
            run_id=task["mlflow_run_id"],
            parent=self.run.run_id,
            tags={KIND: "task"},
            user=parent.user,
        )

    def scope(self, task: Value) -> str:
        """What the child may touch: its own MLflow run, the blobs of its inputs, and new blobs."""
        blobs = {one[name] for one in self.given.values() for name in ("digest", "estimator") if one.get(name)}
        return " ".join([f"run:{task['mlflow_run_id']}", "put:*", *(f"blob:{digest}" for digest in sorted(blobs))])

    def payload(self, task: Value, token: str, workdir: Path) -> Value:
        return {
            "kind": "task", "server": self.runner.server, "token": token, "workspace": self.run.workspace, "run_id": self.run.run_id,
            "task_id": task["id"], "task_run_id": task["mlflow_run_id"], "step": self.node.step, "code": self.run.code,
            "code_path": str(self.environment.code_path), "inputs": self.given, "returns": self.node.returns,
            "model": self.run.model, "hand_on": self.hand_on, "workdir": str(workdir),
        }  # fmt: skip

    def mlflow(self, task: Value, token: str) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": f"{self.runner.server}/w/{self.run.workspace}",
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_RUN_ID": task["mlflow_run_id"],
        }

    def end(self, task: Value, token: str, result: TaskResult) -> None:
        """Note how the attempt ended, and take its token back."""
        outcome = {"output": result.output} if result.ok else {"error": result.error}
        status = "FINISHED" if result.ok else "KILLED" if result.how == "cancelled" else "FAILED"
        with self.runner.change(self.run) as tx:
            changes.end_task(tx, task, "finished" if result.ok else "failed", exit=result.exit_code, **outcome)
            tracking.end_run(tx, task["mlflow_run_id"], status)
            tokens.revoke(tx, token)
        if result.ok:
            measurements.show_in(self.store, self.run.run_id, task)

    def replay(self, found: Value) -> Value:
        """Take the cached output, with the measurements of the task that made it."""
        task, output = self.row(), dict(found["output"])
        with self.runner.change(self.run) as tx:
            self.create_run(tx, task)
            changes.cached_task(tx, task, output, found["task_id"])
            tracking.end_run(tx, task["mlflow_run_id"], "FINISHED")
        with self.store.read() as db:
            source = queries.task_by_id(db, found["task_id"])
        if source is not None:
            measurements.replay(self.store, self.run.workspace, source["mlflow_run_id"], task["mlflow_run_id"])
        measurements.show_in(self.store, self.run.run_id, task)
        return output


def _error(message: str) -> Value:
    return {"type": "ProcessDied", "message": message, "traceback": ""}


def _last_line(text: str) -> str:
    """Where in the user's code it happened: the last frame of a traceback."""
    frames = [line.strip() for line in text.splitlines() if line.strip().startswith("File ")]
    return frames[-1] if frames else "look at the pipeline's function"

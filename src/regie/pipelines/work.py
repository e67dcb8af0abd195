"""One task of a run: its key, what the cache has for it, and attempt after attempt where it must run."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import Protocol

from sqlalchemy import Connection

from regie.base.clock import SECOND_MS, wall_ms
from regie.base.ids import new_id
from regie.pipelines import cache, changes, measurements, queries
from regie.pipelines.cached import Hit, run_name
from regie.pipelines.executors import ProcessExecutor, TaskResult
from regie.pipelines.graph import Node
from regie.pipelines.logs import Printing, forget
from regie.pipelines.reach import CodeParts
from regie.pipelines.types import Environment, Parent, RunCancelled, RunRequest, StepFailed, Value
from regie.store import tokens
from regie.store.change import Change, Store
from regie.tracking import changes as tracking
from regie.tracking import queries as tracked
from regie.tracking.types import KIND

GRACE_MS = 60 * SECOND_MS
LONGEST_RETRY_S = 30.0


class Runs(Protocol):
    """What a task needs of the runner that executes it."""

    store: Store
    executor: ProcessExecutor
    server: str
    retry_s: float

    def working_folder(self) -> AbstractContextManager[Path]: ...
    def change(self, run: RunRequest) -> AbstractContextManager[Change]: ...


class Work:
    """One node of a graph with the values of its arguments."""

    def __init__(
        self, runner: Runs, run: RunRequest, environment: Environment, parent: Parent, node: Node, window: str,
        given: dict[str, Value], code: CodeParts, behind: dict[str, str], hand_on: bool,
    ) -> None:  # fmt: skip
        self.runner, self.store, self.run, self.environment = runner, runner.store, run, environment
        self.parent, self.node, self.window, self.given, self.hand_on = parent, node, window, given, hand_on
        settings = {**run.model, "hand_on": hand_on}
        self.parts = cache.parts_of(node, code, given, behind, environment.lock, settings)
        self.key = cache.key_of(self.parts)

    def cached(self, db: Connection) -> Hit | None:
        """What the cache has for it, if anything."""
        found = cache.look_up(db, self.store.blobs, self.run.workspace, self.key) if self.node.deterministic else None
        if found is None or self.is_asked(db, found["task_id"]):
            return None
        return Hit(self.node, self.key, self.parts, self.given, found["output"], found["task_id"])

    def is_asked(self, db: Connection, task_id: str) -> bool:
        """Whether the run was asked to compute this anew, and has not done so yet: a dead worker may have, before."""
        return self.node.name in self.run.fresh and not queries.is_of(db, self.run.run_id, task_id)

    def attempted(self, on_wait: Callable[[], bool]) -> Value:
        """The output of the first attempt that succeeds. Raises StepFailed, RunCancelled."""
        for number in range(self.node.retries + 1):
            if number and not self.pause(number, on_wait):
                raise RunCancelled("the run was cancelled", self.run.run_id)
            task, result, log = self.attempt(on_wait)
            if result.ok:
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
            printing = Printing(self.store, task["id"], folder / "log.txt")
            try:
                result = self.runner.executor.run(
                    payload, self.node.timeout_s, folder / "log.txt", lambda: printing.look() and on_wait(), lock=self.environment.lock,
                    libraries=self.environment.libraries, memory_bytes=self.node.memory_bytes, threads=self.node.threads,
                    env=self.mlflow(task, token),
                )  # fmt: skip
            except BaseException:
                self.end(task, token, TaskResult("died", {}, _error("the worker stopped"), None, 0.0), None)
                raise
            log = measurements.kept_log(self.store, task, folder / "log.txt")
        self.end(task, token, result, log)
        return task, result, log.where

    def begin(self) -> tuple[Value, str]:
        """The attempt's row, its MLflow run and its token, in one change."""
        until = None if self.node.timeout_s is None else wall_ms() + int(self.node.timeout_s * SECOND_MS) + GRACE_MS
        with self.runner.change(self.run) as tx:
            made = queries.attempts(tx.connection, self.run.run_id, self.node.name, self.window)
            task: Value = {
                "id": new_id(), "run_id": self.run.run_id, "name": self.node.name, "window": self.window, "step": self.node.step,
                "attempt": made + 1, "cache_key": self.key, "parts": self.parts, "inputs": self.given, "mlflow_run_id": new_id(),
            }  # fmt: skip
            name = run_name(self.node.name, self.window)
            tracking.create_runs(
                tx, self.parent.experiment_id, {task["mlflow_run_id"]: name}, parent=self.run.run_id, tags={KIND: "task"},
                user=self.parent.user,
            )  # fmt: skip
            changes.start_task(tx, task)
            token = tokens.issue(tx, f"task:{task['id']}", "task", self.scope(task), until)
        return task, token

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

    def end(self, task: Value, token: str, result: TaskResult, log: measurements.Log | None) -> None:
        """How the attempt ended, its log and its entry in the cache, in one change; its token is taken back."""
        outcome = {"output": result.output} if result.ok else {"error": result.error}
        status = "FINISHED" if result.ok else "KILLED" if result.how == "cancelled" else "FAILED"
        with self.runner.change(self.run) as tx:
            changes.end_task(tx, task, "finished" if result.ok else "failed", exit=result.exit_code, **outcome)
            tracking.end_run(tx, task["mlflow_run_id"], status)
            tokens.revoke(tx, token)
            if log is not None:
                measurements.name_log(tx, log)
                forget(tx, task["id"])
            if result.ok and self.node.deterministic:
                cache.keep(tx, self.run.workspace, self.key, self.node.step, self.parts, result.output, task["id"])
            measured = result.ok and tracked.measured(tx.connection, [task["mlflow_run_id"]])
        if measured:
            measurements.show_in(self.store, self.run.run_id, task)


def _error(message: str) -> Value:
    return {"type": "ProcessDied", "message": message, "traceback": ""}

"""Execute a run on a worker: plan its graph, then its tasks in order; each in a child, answered by the cache where nothing changed.

The worker holds the store; a child holds a token for its own inputs and its own MLflow run. Each attempt is one task row, one nested
MLflow run and one log; rows and events are written by the train turn's right `task.record`: one change when an attempt begins, one
when it ends, one for all the tasks in a row that the cache answers.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from regie.base.canonical import digest
from regie.base.errors import Conflict
from regie.pipelines import cache, changes, lock, project
from regie.pipelines.cached import Hit, confirm
from regie.pipelines.code import Project
from regie.pipelines.executors import ProcessExecutor, TaskResult, installed, libraries_of
from regie.pipelines.graph import Argument, Graph, from_json
from regie.pipelines.types import Environment, Parent, PlanFailed, RunCancelled, RunRequest, StepFailed, Value
from regie.pipelines.work import Work
from regie.store.change import Change, Store
from regie.store.types import system
from regie.tracking import changes as tracking
from regie.tracking import queries as tracked

PLAN_S = 300.0  # importing a project's modules; a pipeline's function only calls steps
# What functions of Regie's own need to open packages and to judge: loaded once, where installed (1.5 s each time else).
CALLED = installed(("numpy", "pyarrow.parquet", "pyarrow.compute", "pandas", "sklearn", "lightgbm", "regie.gates.evaluate"))
RETRY_S = 1.0  # doubles from attempt to attempt
KEPT_PROJECTS = 4  # parsed ones; a syntax tree takes some fifty times its source


class Runner:
    """Executes runs; any number of threads may share one. `retry_s`: the wait before the second attempt, in seconds."""

    def __init__(
        self, store: Store, executor: ProcessExecutor, server_url: str, scratch: Path, retry_s: float = RETRY_S,
        look_at_lock: Callable[[], lock.Lock] = lock.current,
    ) -> None:  # fmt: skip
        self.store, self.executor, self.server, self.scratch = store, executor, server_url.rstrip("/"), scratch
        self.retry_s, self.look_at_lock = retry_s, look_at_lock
        self._projects: dict[str, tuple[Project, tuple[str, ...]]] = {}
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
            do = "repeat the run" if result.how in ("died", "killed") else _last_line(result.error["traceback"])
            raise PlanFailed(str(result.error["message"]), run.function, do)
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
        works = _Works(self, run, graph, inputs, window)
        self._abandon(run, window)
        at = 0
        while at < len(graph.nodes):
            at = self._confirmed(works, at)
            if at < len(graph.nodes):
                works.outputs[graph.nodes[at].name] = works.of(at).attempted(on_wait)
                at += 1
        return works.given(graph.output)

    def _confirmed(self, works: "_Works", at: int) -> int:
        """Take what the cache answers from here on, all of it in one change; returns the first task that must run."""
        hits: list[Hit] = []
        with self.store.read() as db:
            while at < len(works.graph.nodes) and (hit := works.of(at).cached(db)) is not None:
                works.outputs[works.graph.nodes[at].name] = hit.output
                hits.append(hit)
                at += 1
        if hits:
            confirm(self.store, works.run, works.parent, works.window, hits, self.change)
        return at

    def environment(self, run: RunRequest) -> Environment:
        """The project's code unpacked, and the lock as it is now."""
        folder = self.scratch / "code" / run.code.removeprefix("sha256:")
        if not folder.is_dir():
            folder.parent.mkdir(exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=folder.parent))
            project.unpack(self.store.blobs.get(run.code), temporary)
            try:
                temporary.rename(folder)
            except OSError:  # another worker was faster, with the same content
                shutil.rmtree(temporary)
        os.utime(folder)  # in use: what nobody has used for a day is removed when a worker starts
        parsed, libraries = self._project(run.code)
        return Environment(folder, parsed, cache.keep_lock(self.store, self.look_at_lock()), libraries)

    def _project(self, code: str) -> tuple[Project, tuple[str, ...]]:
        """The project parsed, and the libraries that it imports. By its digest, so it can be kept."""
        found = self._projects.pop(code, None)
        if found is None:
            sources = project.files(self.store.blobs.get(code))
            found = Project(sources), libraries_of(sources)
        self._projects[code] = found  # the newest is the last
        for old in list(self._projects)[:-KEPT_PROJECTS]:
            self._projects.pop(old, None)
        return found

    def _child(
        self, payload: Value, environment: Environment | None, timeout_s: float | None, on_wait: Callable[[], bool]
    ) -> TaskResult:
        """A child that records nothing. One that somebody killed is tried once more: unlike a step, it has no retries of its own."""
        result = self._try(payload, environment, timeout_s, on_wait)
        if result.how in ("died", "killed") and on_wait():
            return self._try(payload, environment, timeout_s, on_wait)
        return result

    def _try(
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


class _Works:
    """The tasks of one execution, each made when what it takes is known."""

    def __init__(self, runner: Runner, run: RunRequest, graph: Graph, inputs: dict[str, Value], window: str) -> None:
        self.runner, self.run, self.graph, self.inputs, self.window = runner, run, graph, inputs, window
        self.environment = runner.environment(run)
        with runner.store.read() as db:
            self.parent = parent_of(db, run)
        self.outputs: dict[str, Value] = {}
        self._made_by: dict[str, str] = {}
        self._handed_on = {name for node in graph.nodes for name in node.refs}
        self._made: dict[int, Work] = {}

    def of(self, at: int) -> Work:
        """The task of a node, asked for once the outputs before it are there."""
        if at not in self._made:
            node = self.graph.nodes[at]
            given = {name: self.given(one) for name, one in node.arguments.items()}
            code = self.environment.project.closure(*node.step.split(":"))
            behind = {name: self._made_by[one.value] for name, one in node.arguments.items() if one.kind == "ref"}
            # A model may hold one that it was given, with classes of the code that made that one, and so on.
            inherited = [behind[name] for name in sorted(behind) if given[name]["kind"] == "model"]
            self._made_by[node.name] = digest([code.digest, *inherited]) if inherited else code.digest
            hand_on = node.name in self._handed_on
            self._made[at] = Work(
                self.runner, self.run, self.environment, self.parent, node, self.window, given, code, behind, hand_on
            )
        return self._made[at]

    def given(self, argument: Argument) -> Value:
        if argument.kind == "value":
            return {"kind": "json", "value": argument.value}
        return self.outputs[argument.value] if argument.kind == "ref" else self.inputs[argument.value]


def parent_of(db: Connection, run: RunRequest) -> Parent:
    """The run's MLflow run. Raises NotFound, Conflict where its experiment was deleted."""
    found = tracked.run(db, run.run_id, run.workspace)
    experiment = tracked.experiment(db, run.workspace, found.experiment_id)
    if experiment.lifecycle != "active":
        raise Conflict(f"the experiment {experiment.name} was deleted", experiment.id, "restore it first")
    return Parent(run.run_id, experiment.id, found.user)


def _last_line(text: str) -> str:
    """Where in the user's code it happened: the last frame of a traceback."""
    frames = [line.strip() for line in text.splitlines() if line.strip().startswith("File ")]
    return frames[-1] if frames else "look at the pipeline's function"

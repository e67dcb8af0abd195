"""Runs of pipelines as rows, without processes: a workspace with a graph, and tasks that begin and end by hand."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update

from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.loop import start
from regie.pipelines import cache, changes
from regie.pipelines.graph import Argument, Graph, Node
from regie.pipelines.project import pack_files
from regie.pipelines.tables import task_logs
from regie.spec.document import PipelineSpec
from regie.store.change import Store
from regie.store.tables import jobs
from regie.store.types import LOCAL, NOBODY_CAUSE, system
from regie.tracking import artifacts
from regie.tracking import changes as tracking
from tests.support.place import Place

HELD_MS = 1 << 52  # nobody takes over what is done by hand


@dataclass
class Steps:
    """Runs of one pipeline of a workspace, written through the store; no worker touches them."""

    store: Store
    workspace: str
    pipeline: PipelineSpec

    @classmethod
    def of(cls, place: Place) -> "Steps":
        return cls(place.store, "loop", place.spec.pipelines["train"])

    def __post_init__(self) -> None:
        self.code = self.store.blobs.put(pack_files({"flow.py": b"pass\n"}))

    def under(self, action: str) -> Any:
        return self.store.change(system("train"), action, self.workspace, workspace=self.workspace)

    def queued(self, **params: Any) -> str:
        with self.store.change(LOCAL, "pipeline.run", self.pipeline.name, workspace=self.workspace) as tx:
            run = start.queue_run(
                tx, self.pipeline, code_digest=self.code, reason="by hand", cause=NOBODY_CAUSE, by="local", params=params
            )
            mine = jobs.c.dedup_key == f"train:{run}"
            tx.execute(update(jobs).where(mine).values(state="running", lease_owner="hand", lease_until_ms=HELD_MS))
        return run

    def begun(self, *nodes: Node, snapshots: dict[str, str] | None = None, **params: Any) -> str:
        """A run that was planned with these nodes."""
        run = self.queued(**params)
        graph = Graph("flow:train", ("rows",), {}, nodes, Argument("ref", nodes[-1].name), "Model")
        digest = self.store.blobs.put(canonical(graph.to_json()).encode())
        with self.under("run.finish") as tx:
            changes.start_run(tx, run, "sha256:" + "1" * 64, snapshots or {}, tx.now_ms, digest)
        return run

    def task(self, run: str, name: str, state: str = "finished", window: str = "all", **values: Any) -> dict[str, Any]:
        """One attempt, begun and ended; `running` leaves it so."""
        task = {
            "id": new_id(), "run_id": run, "name": name, "window": window, "step": f"flow:{name}", "attempt": 1,
            "cache_key": "sha256:" + "2" * 64, "parts": {"step": f"flow:{name}", "lock": "sha256:" + "3" * 64},
            "inputs": {"rows": {"kind": "json", "value": 1}}, "mlflow_run_id": new_id(), "output": {"kind": "json", "value": 2},
            "error": {"type": "ValueError", "message": "no", "traceback": "File x"}, "cached_from": "", "log": b"", **values,
        }  # fmt: skip
        with self.under("task.record") as tx:
            experiment = tracking.ensure_experiment(tx, "train")
            tracking.create_runs(tx, experiment, {task["mlflow_run_id"]: name}, parent=run, tags={}, user="local")
            if state == "cached":
                changes.cached_tasks(tx, [task])
                return task
            changes.start_task(tx, task)
            if state == "finished":
                changes.end_task(tx, task, state, output=task["output"], exit=0)
                cache.keep(tx, self.workspace, task["cache_key"], task["step"], task["parts"], task["output"], task["id"])
            elif state == "failed":
                changes.end_task(tx, task, state, error=task["error"], exit=1)
        if task["log"]:
            self.printed(task)
        return task

    def printed(self, task: dict[str, Any]) -> None:
        path, digest = f"logs/{task['name']}-{task['attempt']}.txt", self.store.blobs.put(task["log"])
        with self.store.measure() as batch:
            artifacts.name(batch, self.workspace, f"runs/{task['mlflow_run_id']}", path, digest, len(task["log"]))

    def says(self, task: dict[str, Any], content: bytes, at_bytes: int = 0) -> None:
        """What a living task prints, as its worker sends it."""
        with self.store.measure() as batch:
            batch.execute(insert(task_logs), [{"task_id": task["id"], "at_bytes": at_bytes, "content": content}])

    def ended(self, task: dict[str, Any], state: str = "finished") -> None:
        """The end of one that was left running."""
        with self.under("task.record") as tx:
            values = {"output": task["output"], "exit": 0} if state == "finished" else {"error": task["error"], "exit": 1}
            changes.end_task(tx, task, state, **values)

    def end(self, run: str, state: str = "finished", error: str = "") -> None:
        with self.under("run.finish") as tx:
            changes.end_run(tx, run, state, error=error)
            tracking.end_run(tx, run, {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}[state])


def node(name: str, *takes: str, dataset: str = "", retries: int = 0) -> Node:
    given = {f"a{at}": Argument("ref", one) for at, one in enumerate(takes)}
    return Node(name, f"flow:{name}", given | ({"d": Argument("input", dataset)} if dataset else {}), "json", retries)

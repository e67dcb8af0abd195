"""What the handler of a job gets from the worker that claimed it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from regie.base.errors import Conflict
from regie.loop.scene import Scene, scene
from regie.pipelines.runner import Runner
from regie.store.change import Store
from regie.store.jobs import Job


@dataclass(frozen=True)
class Work:
    """One claimed job. `ours()` is False as soon as the lease is lost: then stop, nothing of it is accepted."""

    store: Store
    predictions: Path
    scratch: Path
    runner: Runner
    job: Job
    ours: Callable[[], bool]

    def scene(self) -> Scene:
        """The workspace of the job. Raises Conflict if its `regie.yaml` is gone."""
        found = scene(self.store, self.predictions, self.job.workspace)
        if found is None:
            raise Conflict(f"no regie.yaml is applied to {self.job.workspace}", f"job {self.job.id}", "regie apply")
        return found

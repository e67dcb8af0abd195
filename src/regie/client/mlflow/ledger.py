"""What of the source is on the target already, and under which id; read from the marks on the target."""

from dataclasses import dataclass

from regie.client.mlflow import marks, read
from regie.client.mlflow.marks import Mark
from regie.client.mlflow.things import LoggedModel, Run
from regie.client.mlflow.wire import Wire

NONE = Mark()
PAGE = 500  # of runs of which little is kept


@dataclass(frozen=True)
class Copy:
    """A thing on the target, and where its files lie.

    `ours`: an import or export made it; else it is where it first was. `fresh`: it was made just now.
    """

    id: str
    artifact_uri: str
    mark: Mark = NONE
    ours: bool = True
    active: bool = True
    fresh: bool = False


class Ledger:
    """Everything that was copied: copies by the id of the thing where it first was, `ids` by its id on the source."""

    def __init__(self, target: Wire) -> None:
        self._target = target
        self._runs: dict[str, Copy] = {}
        self._models: dict[str, Copy] = {}
        self._read: set[str] = set()
        self.ids: dict[str, str] = {}

    def look(self, experiment_id: str) -> None:
        """Read what was copied into an experiment of the target, once."""
        if experiment_id in self._read:
            return
        self._read.add(experiment_id)
        for run in read.runs(self._target, experiment_id, f"tags.`{marks.RUN}` LIKE '%'", "ALL", PAGE):
            if marks.is_copy(run.id, run.tags, marks.RUN):
                self._runs[run.tags[marks.RUN]] = Copy(run.id, run.artifact_uri, Mark.of(run.tags), active=run.active)
        for model in read.logged_models(self._target, experiment_id):
            if marks.is_copy(model.id, model.tags, marks.MODEL):
                self._models[model.tags[marks.MODEL]] = Copy(model.id, model.artifact_uri, Mark.of(model.tags))

    def run(self, run: Run) -> Copy | None:
        """Where a run is on the target."""
        first = marks.home(run.id, run.tags, marks.RUN)
        found = self._runs.get(first)
        if found is None and first != run.id and (there := read.run(self._target, first)) is not None:
            found = Copy(there.id, there.artifact_uri, ours=False, active=there.active)
        return self.note_run(run, found) if found else None

    def logged_model(self, model: LoggedModel) -> Copy | None:
        """Where a logged model is on the target."""
        first = marks.home(model.id, model.tags, marks.MODEL)
        found = self._models.get(first)
        if found is None and first != model.id and (there := read.logged_model(self._target, first)) is not None:
            found = Copy(there.id, there.artifact_uri, ours=False)
        return self.note_logged_model(model, found) if found else None

    def note_run(self, run: Run, copy: Copy) -> Copy:
        self._runs[marks.home(run.id, run.tags, marks.RUN)] = copy
        self.ids[run.id] = copy.id
        return copy

    def note_logged_model(self, model: LoggedModel, copy: Copy) -> Copy:
        self._models[marks.home(model.id, model.tags, marks.MODEL)] = copy
        self.ids[model.id] = copy.id
        return copy

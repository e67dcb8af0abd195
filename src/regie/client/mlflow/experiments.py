"""The experiments of both sides, and which one of the target belongs to which one of the source.

It is the one that was made for it, whatever either of them is called today, or else the one of its name, which is then used.
"""

from collections.abc import Iterable

from regie.base.errors import Conflict
from regie.client.mlflow import marks, read
from regie.client.mlflow.fill import Filler
from regie.client.mlflow.things import Experiment


class Experiments:
    """Read once, on both sides."""

    def __init__(self, filler: Filler) -> None:
        self._filler, self._writer, self._report = filler, filler.writer, filler.report
        self._here = {one.id: one for one in read.experiments(filler.source)}
        self._there: dict[str, Experiment] = {}
        for one in read.experiments(filler.target):
            self._there |= {one.name: one, marks.named(one): one, one.tags.get(marks.EXPERIMENT, one.name): one}

    @property
    def all(self) -> list[Experiment]:
        """Those of the source, deleted ones too."""
        return list(self._here.values())

    def here(self, experiment_id: str) -> Experiment | None:
        """One of the source, if it is not deleted."""
        found = self._here.get(experiment_id)
        return found if found is not None and found.active else None

    def there(self, experiment_id: str) -> Experiment | None:
        """The target's experiment for one of the source."""
        here = self._here[experiment_id]
        return self._there.get(_first(here)) or self._there.get(here.name)

    def refuse_deleted(self, chosen: Iterable[Experiment]) -> None:
        """Raises Conflict where the target has deleted an experiment that is to be moved: its name is still taken."""
        for one in chosen:
            there = self.there(one.id)
            if there is not None and not there.active:
                raise Conflict(
                    f"the experiment {one.name} was deleted there, and its name is still taken", self._writer.wire.url,
                    f"restore it (mlflow experiments restore -x {there.id}), or rename it first; nothing was written",
                )  # fmt: skip

    def move(self, experiment: Experiment) -> None:
        """Make it on the target, or give the one there the tags that it lacks."""
        there = self.there(experiment.id)
        self._report.add("experiments_there" if there else "experiments")
        if self._filler.wish.dry_run:
            return
        if there is None:
            self.made(experiment.id)
            return
        for key, value in self._filler.tags(experiment.tags).items():
            if key not in there.tags:
                self._writer.send("experiments/set-experiment-tag", {"experiment_id": there.id, "key": key, "value": value})
            elif there.tags[key] != value:
                self._report.keep(f"experiment {experiment.name}, tag {key}", "the target has another value")

    def made(self, experiment_id: str) -> str:
        """The id of the target's experiment for one of the source, made if it is not there."""
        if (there := self.there(experiment_id)) is not None:
            return there.id
        here = self._here[experiment_id]
        tags = {**self._filler.tags(here.tags), marks.EXPERIMENT: _first(here)}
        made = Experiment(self._writer.experiment(here.name, tags), here.name, True, None, tags)
        self._there[here.name] = made
        return made.id


def _first(experiment: Experiment) -> str:
    """What an experiment is known by where it first was."""
    return experiment.tags.get(marks.EXPERIMENT) or marks.named(experiment)

"""The runs and logged models of a source, each placed on the target, then filled.

Placing makes what is new, with the id that it had, and is done by one thread, parents before their children. Filling is done by
several. A run brings its parents and its logged models, whatever was chosen.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from regie.base.errors import BadInput
from regie.client.http import RemoteError
from regie.client.mlflow import marks, read, rewrite
from regie.client.mlflow.experiments import Experiments
from regie.client.mlflow.fill import Filler, Histories
from regie.client.mlflow.ledger import Copy, Ledger
from regie.client.mlflow.report import Report, Wish
from regie.client.mlflow.things import Experiment, LoggedModel, Run, Said
from regie.client.mlflow.traces import RUN_OF, Traces, there, traces
from regie.client.mlflow.wire import Wire
from regie.client.mlflow.write import Writer

THREADS = 4
CREATED_TAGS = 100
Thing = TypeVar("Thing")


class Walk:
    """One walk of a source; `failed` are the ids there of what did not come whole."""

    def __init__(self, source: Wire, writer: Writer, wish: Wish, report: Report) -> None:
        self.source, self.writer, self.wish, self.report = source, writer, wish, report
        self.ledger = Ledger(writer.wire)
        self.filler = Filler(source, writer, self.ledger, wish, report)
        self._traces = Traces(self.filler)
        self.failed: set[str] = set()
        self.experiments = Experiments(self.filler)
        self._brought: dict[str, Run] = {}
        self._brought_models: dict[str, LoggedModel] = {}
        self._done: set[str] = set()
        self._two_servers = False

    def experiment(self, experiment: Experiment) -> None:
        """Move its runs and logged models."""
        self.report.at = f"experiment {experiment.name}"
        self.experiments.move(experiment)
        since = self.wish.since_ms
        runs = read.runs(self.source, experiment.id, f"attributes.start_time >= {since}" if since is not None else "")
        for page in pages(runs):
            self.page(page)
        for model in read.logged_models(self.source, experiment.id):
            if since is None or (model.created_ms or 0) >= since:
                self._fill_models([model])
        self._move_traces(experiment)
        deleted = sum(1 for _ in read.runs(self.source, experiment.id, view="DELETED_ONLY"))
        self.report.leave("deleted runs", deleted) if deleted else None

    def _move_traces(self, experiment: Experiment) -> None:
        target = self.experiments.there(experiment.id)
        known: dict[str, dict[str, str]] | None = None
        found = traces(self.source, experiment.id, self.wish.since_ms)
        for page in pages(found):
            if known is None:
                known = there(self.writer.wire, target.id) if target else {}
            todo = [one for one in page if not self._traces.is_there(one, known)]
            self.report.add("traces_there", len(page) - len(todo))
            if self.wish.dry_run or target is None:
                self.report.add("traces", len(todo))
                continue
            for one in todo:
                self._place_run((one.get("trace_metadata") or {}).get(RUN_OF, ""))
            self._at_once(partial(self._move_trace, one, target.id) for one in todo)

    def _move_trace(self, said: Said, experiment_id: str) -> None:
        try:
            self._traces.move(said, experiment_id)
        except RemoteError as error:
            self._refused(f"trace {said['trace_id']}", said["trace_id"], error)

    def _at_once(self, deeds: Iterable[Callable[[], None]]) -> None:
        """Do them in several threads; the first one that raises ends them all."""
        pool = ThreadPoolExecutor(THREADS)
        try:
            for future in [pool.submit(deed) for deed in deeds]:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def bring(self, run_id: str, model_id: str) -> None:
        """Move a run and a logged model that something else needs, and all that came to be needed by that."""
        if run_id and run_id not in self._done and (run := read.run(self.source, run_id)) is not None and run.active:
            self._brought[run.id] = run
        if model_id and model_id not in self._done and (model := self._source_model(model_id)) is not None:
            self._brought_models[model.id] = model
        self.flush()

    def flush(self) -> None:
        """Fill what was brought along."""
        while self._brought or self._brought_models:
            runs, self._brought = [one for one in self._brought.values() if one.id not in self._done], {}
            self.page(runs)
            models, self._brought_models = list(self._brought_models.values()), {}
            self._fill_models(one for one in models if one.id not in self._done)

    def page(self, runs: list[Run]) -> None:
        """Place and fill a page of runs."""
        todo = [(run, copy) for run in runs if run.id not in self._done and (copy := self._placed_or_refused(run)) is not None]
        self._done.update(run.id for run in runs)
        if self.wish.dry_run:
            return
        for run, _ in todo:
            for model_id in (*run.wrote, *run.reads):
                self._place_named_model(model_id)
        short = read.short_histories(self.source, [run for run, copy in todo if not copy.mark.digest])
        self._at_once(partial(self._fill_run, run, copy, short) for run, copy in todo)

    def _placed_or_refused(self, run: Run) -> Copy | None:
        try:
            return self._to_fill(run)
        except RemoteError as error:
            if error.status == 403:
                raise  # who may make no run may make none of the next ones
            self._refused(f"run {run.id} ({run.name})", run.id, error)
            return None

    def _fill_run(self, run: Run, copy: Copy, short: Mapping[str, Histories]) -> None:
        try:
            self.filler.run(run, copy, short)
        except RemoteError as error:
            self._refused(f"run {run.id} ({run.name})", run.id, error)

    def _refused(self, thing: str, identity: str, error: RemoteError) -> None:
        if error.status == 401:
            raise error
        self.failed.add(identity)
        self.report.refuse(thing, error.what, error.do)

    def _to_fill(self, run: Run) -> Copy | None:
        """The run's copy, made if there is none; None where nothing is to be done."""
        copy = self._looked(run)
        if copy is None and self.wish.dry_run:
            self.report.add("runs")
            return None
        copy = copy or self._placed(run, ())
        if not copy.ours or not copy.active or self._settled(run, copy):
            self.report.add("runs_there")
            return None
        return copy

    def _settled(self, run: Run, copy: Copy) -> bool:
        # Files may come to a run that has not ended without anything else that would show it.
        return run.status in ("FINISHED", "FAILED", "KILLED") and copy.mark.says(marks.digest(run), self.wish.files)

    def _looked(self, run: Run) -> Copy | None:
        if (experiment := self.experiments.there(run.experiment_id)) is not None:
            self.ledger.look(experiment.id)
        return self.ledger.run(run)

    def _placed(self, run: Run, children: tuple[str, ...]) -> Copy:
        """The run's copy, made if there is none, after its parents."""
        if (copy := self._looked(run)) is not None:
            return copy
        self._not_the_same_server(run)
        parent_id = run.tags.get(rewrite.PARENT, "")
        if parent_id and not self._parent(parent_id, (*children, run.id)):
            self.report.leave("links to a parent that was deleted or is not there")
        experiment_id = self.experiments.made(run.experiment_id)
        first = marks.home(run.id, run.tags, marks.RUN)
        source = run.tags.get(marks.SOURCE, self.source.url) if first != run.id else self.source.url
        said = dict(list(self.filler.tags(run.tags).items())[:CREATED_TAGS])
        made = self.writer.run(experiment_id, run, {**said, marks.SOURCE: source, marks.RUN: first})
        return self.ledger.note_run(run, Copy(made.id, made.artifact_uri, fresh=True))

    def _not_the_same_server(self, run: Run) -> None:
        """Raises BadInput where the first run that is to be copied is on the target under its own id: ids are made once."""
        if not self._two_servers and read.run(self.writer.wire, run.id) is not None:
            raise BadInput("both addresses are of the same server and workspace", self.source.url, "name another one")
        self._two_servers = True

    def _parent(self, run_id: str, children: tuple[str, ...]) -> bool:
        """Whether the parent has a place on the target now."""
        if run_id in self.ledger.ids:
            return True
        parent = read.run(self.source, run_id) if run_id not in children else None
        if parent is None or not parent.active or self.experiments.here(parent.experiment_id) is None:
            return False
        self._placed(parent, children)
        if parent.id not in self._done:
            self._brought[parent.id] = parent
        return True

    def _place_run(self, run_id: str) -> str | None:
        """The id on the target of a run that a logged model names."""
        if run_id and run_id not in self.ledger.ids:
            self._parent(run_id, ())
        return self.ledger.ids.get(run_id)

    def _place_named_model(self, model_id: str) -> None:
        if model_id not in self.ledger.ids and (model := self._source_model(model_id)) is not None:
            self._place_model(model)
            self._brought_models[model.id] = model

    def _source_model(self, model_id: str) -> LoggedModel | None:
        """A logged model of the source that is not deleted, nor its experiment."""
        found = read.logged_model(self.source, model_id)
        return found if found is not None and self.experiments.here(found.experiment_id) is not None else None

    def _place_model(self, model: LoggedModel) -> tuple[Copy, LoggedModel | None]:
        """The copy of a logged model, and, if it was made just now, what it says."""
        experiment_id = self.experiments.made(model.experiment_id)
        self.ledger.look(experiment_id)
        if (copy := self.ledger.logged_model(model)) is not None:
            return copy, None
        first = marks.home(model.id, model.tags, marks.MODEL)
        tags = {**self.filler.tags(model.tags), marks.SOURCE: self.source.url, marks.MODEL: first}
        made = self.writer.logged_model(experiment_id, model, self._place_run(model.run_id), tags)
        return self.ledger.note_logged_model(model, Copy(made.id, made.artifact_uri, fresh=True)), made

    def _fill_models(self, models: Iterable[LoggedModel]) -> None:
        for model in models:
            if model.id in self._done:
                continue
            self._done.add(model.id)
            try:
                self._fill_model(model)
            except RemoteError as error:
                self._refused(f"logged model {model.id} ({model.name})", model.id, error)

    def _fill_model(self, model: LoggedModel) -> None:
        if self.wish.dry_run:
            if (experiment := self.experiments.there(model.experiment_id)) is not None:
                self.ledger.look(experiment.id)
            copy = self.ledger.logged_model(model)
            whole = copy is not None and (not copy.ours or copy.mark.says(marks.digest(model), self.wish.files))
            self.report.add("logged_models_there" if whole else "logged_models")
            return
        copy, have = self._place_model(model)
        if not copy.ours or copy.mark.says(marks.digest(model), self.wish.files):
            self.report.add("logged_models_there")
            return
        for run_id in {one.get("run_id") or "" for one in model.metrics}:
            self._place_run(run_id)
        have = have or read.logged_model(self.writer.wire, copy.id)
        if have is not None:
            self.filler.logged_model(model, copy, have)


def pages(found: Iterator[Thing]) -> Iterator[list[Thing]]:
    """As many at once as a page has."""
    while page := list(islice(found, read.RUNS_PAGE)):
        yield page

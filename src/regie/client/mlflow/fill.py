"""The content of one run or one logged model: what its copy lacks is written, its mark of completion last.

Points, parameters, tags and inputs may be written again and stay what they are. So a copy that was begun is gone through once
more, and where the source has changed since, only what changed is sent.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from regie.client.mlflow import files, marks, read, rewrite
from regie.client.mlflow.files import Root
from regie.client.mlflow.ledger import Copy, Ledger
from regie.client.mlflow.marks import Mark
from regie.client.mlflow.report import Report, Wish
from regie.client.mlflow.things import LoggedModel, Point, Run, listed, point
from regie.client.mlflow.wire import Wire, number
from regie.client.mlflow.write import ENTITIES, MODEL_PARAMS, Entry, Writer, dataset_of, metric, param, tag

Histories = Mapping[str, list[Point]]
NOBODY = Run("", "", "", "", "RUNNING", None, None, "", True, {}, {}, {}, [], [], {})


class Filler:
    """Fills copies on the target from the source; threads may share it."""

    def __init__(self, source: Wire, writer: Writer, ledger: Ledger, wish: Wish, report: Report) -> None:
        self.source, self.writer, self.ledger, self.wish, self.report = source, writer, ledger, wish, report
        self.target = writer.wire

    def tags(self, said: Mapping[str, str]) -> dict[str, str]:
        """The tags of a thing that its copy gets, but for the marks."""
        kept = rewrite.tags(marks.own(said), self.ledger.ids.get)
        return {key: value for key, value in kept.items() if self.wish.regie_tags or not key.startswith(marks.REGIE)}

    def _note_tags(self, said: Mapping[str, str]) -> None:
        if left := sum(key.startswith(marks.REGIE) for key in said) if not self.wish.regie_tags else 0:
            self.report.leave("tags that Regie alone writes", left)

    def _metrics(self, said: Collection[str]) -> list[str]:
        """The metrics of a run that its copy gets."""
        kept = [key for key in said if self.wish.regie_tags or not key.startswith(marks.JUDGED)]
        if left := len(said) - len(kept):
            self.report.leave("metrics that Regie's gates alone write", left)
        return kept

    def run(self, run: Run, copy: Copy, short: Mapping[str, Histories]) -> None:
        """Bring the copy of a run to what the source says; `short`: histories that were read beforehand, by metric."""
        have = NOBODY if copy.fresh else read.run(self.target, copy.id) or NOBODY
        first = not copy.mark.digest
        self._note_tags(run.tags)
        self._inputs(run, copy.id, have)
        if self.wish.files:
            self.files(Root(run.artifact_uri, run_id=run.id), Root(copy.artifact_uri, run_id=copy.id), f"run {run.id}")
        self._state(run, copy.id, have)
        keys = [key for key in self._metrics(run.metrics) if first or have.metrics.get(key) != run.metrics[key]]
        wanted = str(Mark(copy.id, marks.digest(run), self.wish.files))
        self.writer.batches(copy.id, self._entries(run, have, keys, short, wanted))
        self.report.add("runs")

    def _entries(self, run: Run, have: Run, keys: list[str], short: Mapping[str, Histories], mark: str) -> Iterator[Entry]:
        yield from (param(key, value) for key, value in run.params.items() if key not in have.params)
        for key in keys:
            points = short[key][run.id] if run.id in short.get(key, ()) else read.history(self.source, run.id, key)
            for one in points:
                yield metric(key, one)
                self.report.add("points")
        yield from (tag(key, value) for key, value in self.tags(run.tags).items() if have.tags.get(key) != value)
        if have.tags.get(marks.COMPLETE) != mark:
            yield tag(marks.COMPLETE, mark)

    def _inputs(self, run: Run, copy_id: str, have: Run) -> None:
        known = {dataset_of(one) for one in have.inputs}
        datasets = [one for one in run.inputs if dataset_of(one) not in known]
        reads = [one for one in self._mapped(run.reads) if one not in have.reads]
        wrote = {self.ledger.ids[one]: step for one, step in run.wrote.items() if one in self.ledger.ids}
        if datasets or reads:
            models = [{"model_id": one} for one in reads]
            self.writer.send("runs/log-inputs", {"run_id": copy_id, "datasets": datasets, "models": models})
        if new := [{"model_id": one, "step": step} for one, step in wrote.items() if one not in have.wrote]:
            self.writer.send("runs/outputs", {"run_id": copy_id, "models": new})

    def _mapped(self, ids: list[str]) -> list[str]:
        return [self.ledger.ids[one] for one in ids if one in self.ledger.ids]

    def _state(self, run: Run, copy_id: str, have: Run) -> None:
        if (have.status, have.end_ms) != (run.status, run.end_ms):
            self.writer.send("runs/update", {"run_id": copy_id, "status": run.status, "end_time": run.end_ms})

    def logged_model(self, model: LoggedModel, copy: Copy, have: LoggedModel) -> None:
        """Bring the copy of a logged model to what the source says. Its points go through the runs that measured them."""
        self._note_tags(model.tags)
        self._model_params(model, have)
        self._model_points(model, have)
        if self.wish.files:
            self.files(
                Root(model.artifact_uri, model_id=model.id), Root(have.artifact_uri, model_id=have.id), f"logged model {model.id}"
            )
        if model.status != have.status:
            self.writer.send(f"logged-models/{have.id}", {"model_id": have.id, "status": model.status}, "PATCH")
        wanted = str(Mark(copy.id, marks.digest(model), self.wish.files))
        new = {key: value for key, value in self.tags(model.tags).items() if have.tags.get(key) != value}
        if new or have.tags.get(marks.COMPLETE) != wanted:
            said = {"model_id": have.id, "tags": listed({**new, marks.COMPLETE: wanted})}
            self.writer.send(f"logged-models/{have.id}/tags", said, "PATCH")
        self.report.add("logged_models")

    def _model_params(self, model: LoggedModel, have: LoggedModel) -> None:
        new = [one for one in listed(model.params) if one["key"] not in have.params]
        for place in range(0, len(new), MODEL_PARAMS):
            said = {"model_id": have.id, "params": new[place : place + MODEL_PARAMS]}
            self.writer.send(f"logged-models/{have.id}/params", said)

    def _model_points(self, model: LoggedModel, have: LoggedModel) -> None:
        known = {_facts(one, one.get("run_id")) for one in have.metrics}
        by_run: dict[str, list[Entry]] = defaultdict(list)
        for one in model.metrics:
            run_id = self.ledger.ids.get(one.get("run_id") or "")
            if run_id is None:
                self.report.leave("points of a logged model whose run was deleted")
            elif _facts(one, run_id) not in known:
                beside = {name: one[name] for name in ("dataset_name", "dataset_digest") if one.get(name)}
                by_run[run_id].append(metric(one["key"], self._measured(one), model_id=have.id, **beside))
        for run_id, entries in by_run.items():
            for place in range(0, len(entries), ENTITIES):
                self.writer.batches(run_id, entries[place : place + ENTITIES])

    def _measured(self, one: Mapping[str, Any]) -> Point:
        """A point of a logged model as its run measured it: stock MLflow answers 0 for the NaN of a logged model."""
        found = point(one)
        if found[2] == 0 and (*found[:2], "NaN") in set(read.history(self.source, one["run_id"], one["key"])):
            return (*found[:2], "NaN")
        return found

    def files(self, source: Root, target: Root, what: str, at: str = "") -> None:
        """Copy what the target does not list with the same size; `at`: into that folder."""
        there: dict[str, int] | None = None
        for path, size in files.listed(self.source, source):
            if there is None:
                there = dict(files.listed(self.target, target))
            to = f"{at}/{path}" if at else path
            if there.get(to) == size:
                self.report.add("files_there")
                continue
            self.report.at = f"{what}: {path}"
            self.writer.lease.hold()
            files.send(self.source, source, path, size, self.target, target, to, self.ledger.ids.get, self._sent)
            self.report.add("files")

    def _sent(self, count_bytes: int) -> None:
        # A file of many gigabytes takes longer than the lease lasts.
        self.writer.lease.hold()
        self.report.add("bytes", count_bytes)


def _facts(one: Mapping[str, Any], run_id: str | None) -> tuple[Any, ...]:
    """What makes a point of a logged model the same point."""
    return (
        run_id, one["key"], one.get("step") or 0, one["timestamp"], str(number(one.get("value"))), one.get("dataset_name") or "",
        one.get("dataset_digest") or "",
    )  # fmt: skip

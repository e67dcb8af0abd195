"""Registered models, their versions in the order of their numbers, and their aliases.

A version is its files, so the run or logged model that it comes from is moved first. Numbers are the target's: where they differ, it
is said. What a model of that name says already on the target is left to it.
"""

from collections.abc import Iterable

from regie.client.http import RemoteError
from regie.client.mlflow import files, marks, read, rewrite
from regie.client.mlflow.files import Root
from regie.client.mlflow.marks import Mark
from regie.client.mlflow.report import Report, Wish
from regie.client.mlflow.things import Model, Version
from regie.client.mlflow.walk import Walk
from regie.client.mlflow.wire import Wire
from regie.client.mlflow.write import Writer

READY = "READY"


class Versions:
    """Moves registered models, after what they come from."""

    def __init__(self, source: Wire, writer: Writer, walk: Walk, wish: Wish, report: Report) -> None:
        self.source, self.writer, self.walk, self.wish, self.report = source, writer, walk, wish, report
        self.target = writer.wire
        self._numbers: dict[tuple[str, int], int] = {}

    def move(self, models: Iterable[Model]) -> None:
        for model in models:
            self.report.at = f"model {model.name}"
            try:
                self._model(model)
            except RemoteError as error:
                self._refused(f"model {model.name}", error)

    def _refused(self, thing: str, error: RemoteError) -> None:
        if error.status == 401:
            raise error
        self.report.refuse(thing, error.what, error.do)

    def _model(self, model: Model) -> None:
        there = read.model(self.target, model.name)
        self.report.add("models_there" if there else "models")
        if not self.wish.dry_run:
            there = self._made(model, there)
        known = read.versions(self.target, model.name) if there else []
        for version in read.versions(self.source, model.name):
            try:
                self._version(version, known)
            except RemoteError as error:
                self._refused(f"version {version.subject}", error)
        if there is not None and not self.wish.dry_run:
            for alias, number in sorted(model.aliases.items()):
                self._alias(model.name, alias, number, there)

    def _made(self, model: Model, there: Model | None) -> Model:
        """The target's model of that name, with the description and the tags that it lacks."""
        tags = self.walk.filler.tags(model.tags)
        if there is None:
            self.writer.model(model.name, model.description, tags)
            return read.model(self.target, model.name) or model
        for key, value in tags.items():
            if key not in there.tags:
                self.writer.send("registered-models/set-tag", {"name": model.name, "key": key, "value": value})
            elif there.tags[key] != value:
                self.report.keep(f"model {model.name}, tag {key}", "the target has another value")
        if model.description and not there.description:
            said = {"name": model.name, "description": model.description}
            self.writer.send("registered-models/update", said, "PATCH")
        elif model.description != there.description:
            self.report.keep(f"model {model.name}, description", "the target has another one")
        return there

    def _version(self, version: Version, known: list[Version]) -> None:
        there = self._found(version, known)
        if version.status != READY:
            self.report.leave("versions that are not ready")
            return
        if there is not None:
            self._numbers[version.name, version.number] = there.number
        ours = there is None or marks.VERSION in there.tags
        if not ours or (there and Mark.of(there.tags).says(marks.digest(version), True)):
            self.report.add("versions_there")
            return
        if not self.wish.dry_run:
            there = there or self._create(version)
            if there is None:
                return
            self._fill(version, there)
        self.report.add("versions")

    def _found(self, version: Version, known: list[Version]) -> Version | None:
        """The version on the target: a copy of it, or, where it is itself one, the version that it was copied from."""
        first = self._first(version)
        for one in known:
            copied = one.tags.get(marks.VERSION) == first and Mark.of(one.tags).own in ("", str(one.number))
            if copied or marks.named(one) == first:
                return one
        return None

    def _first(self, version: Version) -> str:
        whole = Mark.of(version.tags).own == str(version.number)
        return version.tags.get(marks.VERSION, "") if whole else marks.named(version)

    def _create(self, version: Version) -> Version | None:
        model_id = rewrite.logged_model_in(version.source)
        self.walk.bring(version.run_id, model_id)
        lost = {version.run_id, model_id} & self.walk.failed
        if lost:
            self.report.refuse(
                f"version {version.subject}", f"{' and '.join(sorted(lost))}, which it comes from, did not come whole"
            )
            return None
        source, run_id, model_id = self._source(version)
        tags = self.walk.filler.tags(version.tags)
        made = self.writer.version(
            version, source, run_id, model_id, {**tags, marks.SOURCE: self.source.url, marks.VERSION: self._first(version)}
        )
        self._numbers[version.name, version.number] = made.number
        if made.number != version.number:
            self.report.renumbered.append((version.name, version.number, made.number))
        return made

    def _source(self, version: Version) -> tuple[str, str, str]:
        """(source, run id, logged model's id) of the version on the target."""
        ids, source = self.walk.ledger.ids, version.source
        run_id = ids.get(version.run_id, "")
        if old := rewrite.logged_model_in(source):
            new = ids.get(old, "")
            return source.replace(old, new) if new else source, run_id, new
        of_run, path = rewrite.run_in(source)
        if of_run:
            self._files(version, ids.get(of_run, ""), path)
            return f"runs:/{ids.get(of_run, of_run)}/{path}", run_id, ""
        name, number = rewrite.version_in(source)
        if name:
            return f"models:/{name}/{self._numbers.get((name, number), number)}", run_id, ""
        return self._below(version, run_id)

    def _below(self, version: Version, run_id: str) -> tuple[str, str, str]:
        """A source by its place: below its run's artifacts it is so on the target; elsewhere it stays."""
        here = read.run(self.source, version.run_id) if run_id else None
        there = read.run(self.target, run_id) if here else None
        path = rewrite.below(version.source, here.artifact_uri) if here else None
        if there is None or path is None:
            return version.source, run_id, ""
        return f"{there.artifact_uri}/{path}".rstrip("/"), run_id, ""

    def _files(self, version: Version, run_id: str, path: str) -> None:
        """Files that the source keeps with the version alone go to where its source says that they are."""
        here, there = read.run(self.source, version.run_id), read.run(self.target, run_id) if run_id else None
        if here is None or there is None or any(files.listed(self.source, Root(here.artifact_uri, run_id=here.id), path)):
            return
        kept = Root(read.files_of(self.source, version.name, version.number))
        if kept.proxied is not None:
            self.walk.filler.files(kept, Root(there.artifact_uri, run_id=there.id), f"version {version.subject}", path)

    def _fill(self, version: Version, there: Version) -> None:
        """Bring the copy of a version to what the source says, its mark of completion last."""
        named = {"name": there.name, "version": str(there.number)}
        if there.description != version.description:
            self.writer.send("model-versions/update", {**named, "description": version.description}, "PATCH")
        for key, value in self.walk.filler.tags(version.tags).items():
            if there.tags.get(key) != value:
                self.writer.send("model-versions/set-tag", {**named, "key": key, "value": value})
        if version.stage != there.stage:
            try:
                self.writer.send("model-versions/transition-stage", {**named, "stage": version.stage})
            except RemoteError as error:
                self._refused(f"stage {version.stage} of {version.subject}", error)
        mark = Mark(str(there.number), marks.digest(version), files=True)
        self.writer.send("model-versions/set-tag", {**named, "key": marks.COMPLETE, "value": str(mark)})

    def _alias(self, name: str, alias: str, number: int, there: Model) -> None:
        wanted, thing = self._numbers.get((name, number)), f"alias {name}@{alias}"
        has = there.aliases.get(alias)
        if wanted is None or has == wanted:
            return
        if has is not None:
            self.report.keep(thing, f"it is version {has} there, and would be {wanted}")
            return
        try:
            self.writer.send("registered-models/alias", {"name": name, "alias": alias, "version": str(wanted)})
            self.report.add("aliases")
        except RemoteError as error:
            self._refused(thing, error)

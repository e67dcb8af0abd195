"""What a task is given and what it returns: tables, models and JSON, as blobs of the server.

A Table travels as Parquet with its roles, a Model as its package: one manifest and its files. A Model that another step takes has its
estimator beside it, as a pickle, so that the step gets what the other one made and not what an endpoint answers with; only tasks of
the same project open it.
"""

import json
import pickle
from pathlib import Path
from typing import Any

from regie.base.blobs import BlobStore
from regie.base.canonical import canonical
from regie.base.errors import BadInput
from regie.data.table import Dataset, Table, signature
from regie.pipelines import graph
from regie.pipelines.steps import Model
from regie.pipelines.transfer import Transfer
from regie.runtime import manifest
from regie.runtime.models import Kind
from regie.runtime.package import write_package

EXAMPLE_ROWS = 5_000  # with which a package's paths are proved


class WrongResult(BadInput):
    """A step returned what its type hint does not allow."""

    code, status, exit_code = "pipeline.wrong_result", 422, 1


class Values:
    """The values of one task. Remembers its tables: a model's signature is that of the labelled one."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.payload, self.step = payload, str(payload["step"])
        self.folder = Path(payload["workdir"])
        self.transfer = Transfer(payload["server"], payload["token"])
        self.tables: list[Table] = []

    def close(self) -> None:
        self.transfer.close()

    def read(self, name: str, given: dict[str, Any]) -> Any:
        """The value of one argument."""
        if given["kind"] == "json":
            return given["value"]
        if given["kind"] == "model":
            return self._model(name, given)
        fetched = self.transfer.fetch(given["digest"], self.folder / f"input-{name}")
        table = Table.from_file(fetched, given.get("name", ""))
        self.tables.append(table)
        return Dataset(table, given["name"]) if given["kind"] == "dataset" else table

    def write(self, returned: Any, hint: Any) -> dict[str, Any]:
        """Store what the step returned. Raises WrongResult where its type hint says something else."""
        wanted, kind = graph.hint_name(hint), _kind(returned)
        if hint is not Any and wanted != kind:
            raise WrongResult(
                f"it returned a {shown(returned)}; its type hint says {graph.shown_hint(hint)}", self.step, _do(wanted)
            )
        if kind == "Table":
            return {
                "kind": "table",
                "digest": self.transfer.store(returned.to_file(self.folder / "output.parquet")),
                "rows": len(returned),
            }
        return self._write_model(returned) if kind == "Model" else self._write_json(returned, hint)

    def _write_json(self, returned: Any, hint: Any) -> dict[str, Any]:
        if not graph.fits(returned, hint):
            raise WrongResult(
                f"it returned {returned!r:.200}; its type hint says {graph.shown_hint(hint)}", self.step, _do("json")
            )
        try:
            canonical(returned)
        except (TypeError, ValueError) as error:
            what = f"it returned a {shown(returned)}, which is no JSON value: {error}"
            raise WrongResult(what, self.step, "return a Table, a Model, or numbers, text, lists and dicts") from error
        return {"kind": "json", "value": returned}

    def _write_model(self, model: Model) -> dict[str, Any]:
        rows = self._labelled(model)
        settings = self.payload.get("model") or {}
        positive = model.positive if model.positive is not None else settings.get("positive")
        package = self.folder / "package"
        example = rows.features.head(EXAMPLE_ROWS)
        write_package(
            package, model.estimator, signature(rows), example, positive, settings.get("kind") or _guess(model.estimator)
        )
        blobs = BlobStore(self.folder / "blobs")
        digest = manifest.pack(package, blobs)
        for fact in json.loads(blobs.get(digest)).values():
            self.transfer.store(blobs.path(fact["digest"]))
        self.transfer.store(blobs.path(digest))
        output = {"kind": "model", "digest": digest}
        return output | ({"estimator": self._write_estimator(model)} if self.payload.get("hand_on") else {})

    def _write_estimator(self, model: Model) -> str:
        try:
            content = pickle.dumps(model, protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            what = f"another step takes its model, which cannot be handed on: {error}"
            raise WrongResult(what, self.step, "keep lambdas and open files out of the estimator") from error
        return self.transfer.store(content)

    def _model(self, name: str, given: dict[str, Any]) -> Model:
        found = pickle.loads(self.transfer.fetch(given["estimator"], self.folder / f"input-{name}").read_bytes())
        if not isinstance(found, Model):
            raise BadInput(f"{name} is not a model", self.step)
        return found

    def _labelled(self, model: Model) -> Table:
        """The table that the model learned from: among those with a label, the one with the columns that it knows."""
        labelled = [table for table in self.tables if table.columns_for("label")]
        if not labelled:
            what = "it returned a Model, but was given no rows with a label, so that the model's inputs are not known"
            raise WrongResult(what, self.step, "let the step that fits take the labelled Table")
        known = list(getattr(model.estimator, "feature_names_in_", ()))
        return next((table for table in labelled if known and list(table.columns_for("feature")) == known), labelled[0])


def shown(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _kind(value: Any) -> str:
    return "Table" if isinstance(value, Table) else "Model" if isinstance(value, Model) else graph.JSON


def _do(wanted: str) -> str:
    ways = {"Table": "return a Table: rows.with_frame(frame), or Table.of(frame)", "Model": "return Model(estimator)"}
    return ways.get(wanted, "return that, or correct the type hint")


def _guess(estimator: Any) -> Kind:
    """The kind of task where `regie.yaml` names none: what the estimator can do."""
    classes = getattr(estimator, "classes_", None)
    return "regression" if classes is None else "binary" if len(classes) == 2 else "multiclass"

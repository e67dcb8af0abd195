"""What a request to an endpoint needs: one field for each column of the champion's signature, filled in with a row that was really asked.

Where nothing was asked yet, or the model takes other columns since, with one of the rows that its package is checked with. A field whose
categories are more than `MOST_CATEGORIES` names none of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from regie.base.blobs import BlobStore
from regie.base.errors import RegieError
from regie.runtime.signature import Column, Signature, from_json
from regie.spec.document import Spec

MOST_CATEGORIES = 500
MOST_FIELDS = 2_000
FACTS, MLMODEL = "regie.json", "MLmodel"
Source = Literal["asked", "checked", "nothing"]


@dataclass(frozen=True)
class Field:
    """One input. `promise`: what `regie.yaml` says of the column, in its own spelling. `value`: from which row, see `source`."""

    name: str
    type: str
    nullable: bool
    categories: tuple[Any, ...] | None
    known: int
    promise: str
    value: Any
    source: Source


@dataclass(frozen=True)
class Known:
    """What a package says of its inputs: its signature, and a row that it was checked with, by name."""

    signature: Signature
    row: Mapping[str, Any]


def known_of(blobs: BlobStore, package: str) -> Known | None:
    """None where the package is not here, or has no signature of columns."""
    try:
        manifest: dict[str, Any] = json.loads(blobs.get(package))
        if FACTS in manifest:
            facts = json.loads(blobs.get(manifest[FACTS]["digest"]))
            signature = from_json(facts["signature"])
            rows = [row for row, _ in facts.get("checks") or ()]
            names = [column.name for column in signature]
            return Known(signature, dict(zip(names, rows[0], strict=False)) if rows else {})
        return _foreign(blobs, manifest, package)
    except (RegieError, ValueError, KeyError, TypeError):
        return None


def _foreign(blobs: BlobStore, manifest: Mapping[str, Any], package: str) -> Known | None:
    """Of a folder that another MLflow client wrote."""
    from regie.runtime import mlmodel  # ruamel comes with it

    if MLMODEL not in manifest:
        return None
    content = mlmodel.parse(blobs.get(manifest[MLMODEL]["digest"]).decode("utf-8", "replace"), package)
    signature = mlmodel.signature_of(content, package)
    return Known(signature, {}) if signature else None


def fields(spec: Spec, known: Known, asked: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields, in the order of the signature. `asked`: the inputs of the newest row that was answered."""
    labelled = spec.labelled
    promised = {name: one.type.text for name, one in labelled.columns.items()} if labelled else {}
    return tuple(_field(column, promised.get(column.name, ""), known.row, asked) for column in known.signature[:MOST_FIELDS])


def _field(column: Column, promise: str, checked: Mapping[str, Any], asked: Mapping[str, Any]) -> Field:
    source: Source = "asked" if column.name in asked else "checked" if column.name in checked else "nothing"
    value = asked[column.name] if source == "asked" else checked.get(column.name)
    if isinstance(value, float) and value - value != 0:  # JSON has neither NaN nor infinity
        value = None
    categories = column.categories
    many = categories is not None and len(categories) > MOST_CATEGORIES
    return Field(
        column.name, column.type, column.nullable, None if many else categories, len(categories or ()), promise, value, source
    )


def newest_asked(predictions: Path, workspace: str, endpoint: str, known: Known) -> tuple[dict[str, Any], int | None]:
    """The inputs of the newest answered row, and when it was asked; nothing where none was."""
    from regie.predictions import lake  # numpy and pyarrow come with it

    found = lake.last_inputs(predictions, workspace, endpoint, [column.name for column in known.signature])
    return found if found is not None else ({}, None)

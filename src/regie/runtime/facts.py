"""`regie.json`: what a package says about itself for which MLflow has no words."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regie.base.canonical import canonical
from regie.base.errors import BadInput
from regie.runtime.mlmodel import PackageRefused
from regie.runtime.models import KINDS, Kind
from regie.runtime.signature import Row, Signature, from_json, to_json

NAME, FORMAT = "regie.json", 1
NATIVE, LIGHTGBM_ROWS, NUMPY_ROWS = "native", "lightgbm-rows", "numpy-rows"


@dataclass(frozen=True)
class Facts:
    """`dtypes`: the pandas type of each column in training. `path`: the one that answers. `parity`: the proof of it.

    `checks`: rows with the native model's answers, asked again on opening, because libraries change.
    """

    kind: Kind
    positive: Any
    classes: tuple[Any, ...]
    signature: Signature
    dtypes: tuple[str, ...]
    path: str = NATIVE
    parity: dict[str, Any] = field(default_factory=dict)
    checks: tuple[tuple[Row, Any], ...] = ()

    def write(self, folder: Path) -> None:
        """Write `regie.json`; equal facts give equal bytes."""
        data = {
            "format": FORMAT, "kind": self.kind, "positive": self.positive, "classes": list(self.classes),
            "signature": to_json(self.signature), "dtypes": list(self.dtypes), "path": self.path, "parity": self.parity,
            "checks": [[row, answer] for row, answer in self.checks],
        }  # fmt: skip
        (folder / NAME).write_text(canonical(data) + "\n", encoding="utf-8")


def read(folder: Path) -> Facts | None:
    """The facts of a package; None where it has none. Raises PackageRefused where they cannot be used."""
    try:
        data = json.loads((folder / NAME).read_bytes())
        if data["format"] != FORMAT or data["kind"] not in KINDS:
            raise PackageRefused(f"its format is {data['format']}, not {FORMAT}", str(folder), "upgrade this node")
        checks = tuple((row, answer) for row, answer in data["checks"])
        return Facts(data["kind"], data["positive"], tuple(data["classes"]), from_json(data["signature"]),
                     tuple(data["dtypes"]), data["path"], data["parity"], checks)  # fmt: skip
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, BadInput) as error:
        raise PackageRefused(f"its {NAME} cannot be read: {error!r}", str(folder), "make the package again") from error

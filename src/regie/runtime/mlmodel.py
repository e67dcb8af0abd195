"""The `MLmodel` file of a package, read and written without mlflow, so that any MLflow tool can load what we write.

What we write has no time and no random id in it: the same model gives the same bytes, so the same digest.
"""

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from regie.base.errors import RegieError
from regie.runtime.signature import Column, ColumnType, Signature

NAME = "MLmodel"
MLFLOW_FORMAT = "3.0.0"  # the version whose fields these are, not one that is needed
_TYPES: dict[str, ColumnType] = {"double": "float", "float": "float", "long": "int", "integer": "int", "boolean": "bool",
                                 "string": "str", "datetime": "time"}  # fmt: skip
_WIRE_TYPES = {"float": "double", "int": "long", "bool": "boolean", "str": "string", "time": "long"}


class PackageRefused(RegieError):
    """A package that this process does not answer from; the sentence says why."""

    code, status, exit_code = "package.refused", 422, 3


def read(folder: Path) -> dict[str, Any]:
    """The content of a package's MLmodel file. Raises PackageRefused where there is none, or where it is not one."""
    try:
        text = (folder / NAME).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackageRefused(f"its {NAME} file cannot be read: {error}", str(folder), "log the model again") from None
    return parse(text, str(folder))


def parse(text: str, where: str) -> dict[str, Any]:
    """The content of an MLmodel file. Raises PackageRefused where it is none."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise PackageRefused(f"its {NAME} file cannot be read: {error}", where, "log the model again") from None
    if not isinstance(data, dict) or not isinstance(data.get("flavors"), dict):
        raise PackageRefused(f"its {NAME} file names no flavors", where, "log the model again")
    return data


def signature_of(mlmodel: dict[str, Any], where: str) -> Signature | None:
    """The inputs of a signature of columns; None where the file has no signature. Raises PackageRefused for tensors."""
    inputs = (mlmodel.get("signature") or {}).get("inputs")
    if inputs is None:
        return None
    columns = json.loads(inputs) if isinstance(inputs, str) else inputs
    return tuple(_column(item, where) for item in columns)


def write(folder: Path, flavors: dict[str, Any], signature: Signature, model_digest: str, libraries: list[str]) -> None:
    """Write MLmodel and the lists of what the model needs."""
    pins = [f"{library}=={importlib.metadata.version(library)}" for library in libraries]
    (folder / "requirements.txt").write_text("".join(f"{pin}\n" for pin in pins))
    python = platform.python_version()
    _dump(folder / "python_env.yaml", {"python": python, "build_dependencies": [], "dependencies": ["-r requirements.txt"]})
    flavors["python_function"] |= {"env": {"virtualenv": "python_env.yaml"}, "python_version": python}
    inputs = [{"type": _WIRE_TYPES[c.type], "name": c.name, "required": not c.nullable} for c in signature]
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]
    _dump(folder / NAME, {
        "flavors": flavors,
        "mlflow_version": MLFLOW_FORMAT,
        "model_uuid": model_digest.removeprefix("sha256:")[:32],
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
    })  # fmt: skip


def _column(item: Any, where: str) -> Column:
    kind = _TYPES.get(item.get("type", "")) if isinstance(item, dict) and item.get("name") else None
    if kind is None:
        raise PackageRefused(
            f"its signature has an input that is not a named column of numbers, booleans, strings or times: {item}",
            where,
            "log it with a signature inferred from a DataFrame",
        )
    return Column(str(item["name"]), kind, not item.get("required", True))


def _dump(path: Path, data: dict[str, Any]) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(data, file)

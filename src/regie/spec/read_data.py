"""Read `data`: sources, columns, checks, the one label and its holdout."""

from typing import Any

from regie.spec import defaults, expressions
from regie.spec.document import ColumnSpec, DatasetSpec, LabelSpec
from regie.spec.phrases import ColumnType, parse_column, parse_duration, parse_last
from regie.spec.read_expressions import read_expressions
from regie.spec.reading import Node, Nodes
from regie.spec.scanner import nearest
from regie.spec.schema import USES


def read_dataset(name: str, node: Node) -> DatasetSpec:
    given = node.record("dataset")
    key = tuple(text for one in given["key"].items(single=True) if (text := one.text())) if "key" in given else ()
    time = given["time"].text() if "time" in given else None
    label = read_label(given["label"]) if "label" in given else None
    roles = {**dict.fromkeys(key, "key"), **({time: "time"} if time else {}), **({label.column: "label"} if label else {})}
    if len(roles) < len(key) + bool(time) + bool(label):
        node.problem("key, time and label must be different columns", key=True)
    return DatasetSpec(
        name=name,
        source=read_source(given),
        key=key,
        time=time,
        columns=read_columns(given["columns"], roles) if "columns" in given else {},
        checks=read_expressions(given.get("checks"), expressions.CHECK),
        label=label,
        holdout_ms=read_holdout(node, given, time, label),
    )


def read_source(given: Nodes) -> str:
    source = given["source"].text() if "source" in given else None
    if source and "://" in source:
        given["source"].not_there_yet("reading data by URL", "name a file or folder of the project")
    return source or ""


def read_label(node: Node) -> LabelSpec | None:
    given = node.record("label")
    column = given["column"].text() if "column" in given else None
    known_after_ms = given["known_after"].parse(parse_duration) if "known_after" in given else None
    return LabelSpec(column, known_after_ms) if column and known_after_ms else None


def read_holdout(node: Node, given: Nodes, time: str | None, label: LabelSpec | None) -> int | None:
    if label and not time:
        given["label"].problem("a label needs the dataset's `time`: the holdout is cut by it", "add `time: COLUMN`", key=True)
    if "holdout" in given:
        if "label" not in given:
            given["holdout"].problem("a holdout needs a label: its rows are the mature ones", "add `label`", key=True)
        window = given["holdout"].parse(parse_last)
        return window.last_ms if window else None
    return defaults.HOLDOUT_MS if label else None


def read_columns(node: Node, roles: dict[str, str]) -> dict[str, ColumnSpec]:
    columns = {name: read_column(name, one, roles.get(name)) for name, one in node.named(pattern=None)}
    label = next((name for name, role in roles.items() if role == "label"), None)
    if label and columns and label not in columns:
        node.problem(f"the label's column `{label}` is not among the columns", nearest(label, columns), key=True)
    return columns


def read_column(name: str, node: Node, role: str | None) -> ColumnSpec:
    given = node.record("column") if isinstance(node.value, dict) else {"type": node}
    kind = (given["type"].parse(parse_column) if "type" in given else None) or ColumnType("str")
    use = given["use"].choice(USES) if "use" in given else None
    if use and role and use != role:
        given["use"].problem(f"`{name}` is the dataset's {role}, it cannot be `{use}`", "leave `use` out")
    if use in ("key", "time") and not role:
        given["use"].problem(f"`{name}` is not the dataset's {use}", f"add `{use}: {name}` to the dataset")
    if role == "time" and kind.type != "time":
        node.problem(f"`{name}` is the dataset's time, its type must be `time`, not `{kind.type}`")
    return ColumnSpec(name, kind, role or use or "feature")


def one_label(top: Nodes, data: dict[str, DatasetSpec]) -> None:
    labelled = [name for name, dataset in data.items() if dataset.label]
    for name in labelled[1:]:
        node = top["data"].child(name, None).child("label", None)
        node.problem(f"`{labelled[0]}` has a label already; exactly one dataset has one", key=True)
    if "model" in top and not any(isinstance(one, dict) and "label" in one for one in values(top.get("data"))):
        top["model"].problem("a model needs a dataset with a `label`", "add `label: {column: ..., known_after: ...}`", key=True)


def values(node: Node | None) -> list[Any]:
    return list(node.value.values()) if node and isinstance(node.value, dict) else []

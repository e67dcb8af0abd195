"""What differs between two snapshots of a dataset, column by column, from the figures that are kept with them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["added", "removed", "type", "figures", "same"]
ORDER: dict[Kind, int] = {"removed": 0, "added": 1, "type": 2, "figures": 3, "same": 4}
FIGURES = ("nulls", "min", "max", "mean", "distinct")


@dataclass(frozen=True)
class ColumnDifference:
    """One column then and now; None where it was not there. `shift`: of the mean, in parts of the former range; None without both."""

    column: str
    kind: Kind
    before: dict[str, Any] | None
    now: dict[str, Any] | None
    shift: float | None = None


def differences(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[ColumnDifference]:
    """Every column of either, what changed most first: removed, added, another type, other figures, the same."""
    then, here = {one["name"]: one for one in before}, {one["name"]: one for one in now}
    found = [_difference(name, then.get(name), here.get(name)) for name in dict.fromkeys([*here, *then])]
    return sorted(found, key=lambda one: ORDER[one.kind])


def _difference(name: str, before: dict[str, Any] | None, now: dict[str, Any] | None) -> ColumnDifference:
    if before is None or now is None:
        return ColumnDifference(name, "added" if before is None else "removed", before, now)
    if before["type"] != now["type"]:
        return ColumnDifference(name, "type", before, now)
    kind: Kind = "same" if all(before.get(one) == now.get(one) for one in FIGURES) else "figures"
    return ColumnDifference(name, kind, before, now, _shift(before, now))


def _shift(before: dict[str, Any], now: dict[str, Any]) -> float | None:
    """How far the mean moved; of a boolean the range is 1."""
    if before.get("mean") is None or now.get("mean") is None:
        return None
    width = before["max"] - before["min"] if before.get("max") is not None and before.get("min") is not None else 1.0
    return (now["mean"] - before["mean"]) / width if width else None

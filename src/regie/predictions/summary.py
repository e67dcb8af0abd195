"""Pairs of what two versions said of the same predictions. Pure; from rows of the lake (`lake.read`)."""

from dataclasses import dataclass

import numpy
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

COLUMNS = ("id", "request_id", "time_ms", "version", "role", "mode", "output", "latency_ms", "fallback_from", "error")


@dataclass(frozen=True)
class Pairs:
    """The same predictions by two versions, `(pairs,)` each, in the order of their ids.

    `answered` counts the rows that `live` answered itself, so `coverage` says how many of them the other shadowed.
    """

    id: NDArray[numpy.object_]
    time_ms: NDArray[numpy.int64]
    live: NDArray[numpy.float64]
    shadow: NDArray[numpy.float64]
    answered: int

    @property
    def coverage(self) -> float:
        return len(self.id) / self.answered if self.answered else 0.0


def pairs(rows: pyarrow.Table, live: int, shadow: int) -> Pairs:
    """Rows that version `live` answered and version `shadow` shadowed, both without error; each id once."""
    first = _outputs(rows, live, "live")
    second = _outputs(rows, shadow, "shadow")
    both = first.join(second, keys="id", join_type="inner", right_suffix="_shadow").sort_by("id")
    return Pairs(numpy.asarray(both["id"].to_pylist(), dtype=object), both["time_ms"].to_numpy(), both["output"].to_numpy(),
                 both["output_shadow"].to_numpy(), first.num_rows)  # fmt: skip


def _outputs(rows: pyarrow.Table, version: int, mode: str) -> pyarrow.Table:
    right = pyarrow.compute.and_(pyarrow.compute.equal(rows["version"], version), pyarrow.compute.equal(rows["mode"], mode))
    chosen = rows.filter(pyarrow.compute.and_(right, pyarrow.compute.is_valid(rows["output"])))
    chosen = chosen.select(["id", "time_ms", "output"]).group_by("id").aggregate([("time_ms", "min"), ("output", "min")])
    return chosen.rename_columns(["id", "time_ms", "output"])

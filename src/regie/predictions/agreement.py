"""What two versions said of the same predictions: how often the same, and by how much they differ. Pure; from rows of the lake.

Two answers of a classifier are the same where they choose the same class: of a binary one by the threshold, of several classes the
likeliest. Two numbers are the same or not by nobody's rule, so of a regression only the differences are told.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["binary", "multiclass", "regression"]
COLUMNS = ("id", "version", "mode", "output", "outputs")
EDGES = 21  # of the histogram: an odd number of bins less one, so that "no difference" stands in the middle of one
Floats = npt.NDArray[np.float64]
Side = tuple[int, Literal["live", "shadow"]]  # a version, and whether it answered or listened


@dataclass(frozen=True)
class Agreement:
    """`rows`: pairs that were compared; `answered`: rows that the live version answered itself. `same`: None for a regression.

    `edges` and `counts`: histogram of the differences, my answer less theirs (of several classes: the probability of the class that
    they chose); what lies beyond the outer edges is in the outer bins. `p5`, `p50`, `p95`: of the differences.
    """

    rows: int
    answered: int
    same: int | None
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    p5: float | None
    p50: float | None
    p95: float | None

    @property
    def coverage(self) -> float | None:
        return self.rows / self.answered if self.answered else None


def agreement(rows: pa.Table, mine: Side, theirs: Side, kind: Kind, threshold: float) -> Agreement:
    """One version beside another, of which one answered and one listened; each prediction once, without errors."""
    column = "outputs" if kind == "multiclass" else "output"
    said, other = (_said(rows, *side, column) for side in (mine, theirs))
    first, second = _first_of_each(said), _first_of_each(other)
    both = first.join(second, keys="id", join_type="inner", right_suffix="_other").sort_by("at")
    answered = (first if mine[1] == "live" else second).num_rows
    ours, others = _numbers(said[column].take(both["at"]), kind), _numbers(other[column].take(both["at_other"]), kind)
    if kind == "multiclass":
        chosen = others.argmax(axis=1)
        at = np.arange(len(chosen))
        return _told(ours[at, chosen] - others[at, chosen], int((ours.argmax(axis=1) == chosen).sum()), answered)
    same = int(((ours >= threshold) == (others >= threshold)).sum()) if kind == "binary" else None
    return _told(ours - others, same, answered)


def _said(rows: pa.Table, version: int, mode: str, column: str) -> pa.Table:
    right = pc.and_(pc.equal(rows["version"], version), pc.equal(rows["mode"], mode))
    return rows.filter(pc.and_(right, pc.is_valid(rows[column]))).select(["id", column])


def _first_of_each(said: pa.Table) -> pa.Table:
    """Each prediction once, with the number of its row."""
    numbered = pa.table({"id": said["id"], "at": pa.array(range(said.num_rows), pa.int64())})
    return numbered.group_by("id").aggregate([("at", "min")]).rename_columns(["id", "at"])


def _numbers(column: pa.ChunkedArray, kind: Kind) -> Floats:
    if kind != "multiclass":
        return np.asarray(column.to_numpy(), np.float64)
    lists = column.to_pylist()
    width = max((len(one) for one in lists), default=1)
    return np.array([[*one, *[0.0] * (width - len(one))] for one in lists], np.float64).reshape(len(lists), width)


def _told(difference: Floats, same: int | None, answered: int) -> Agreement:
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return Agreement(0, answered, None, (), (), None, None, None)
    p5, p50, p95 = (float(f"{one:.4g}") for one in np.percentile(difference, (5, 50, 95)))
    reach = _reach(difference)
    edges = np.linspace(-reach, reach, EDGES + 1)
    counts = np.histogram(np.clip(difference, -reach, reach), edges)[0]
    rounded = tuple(float(f"{edge:.4g}") for edge in edges)
    return Agreement(len(difference), answered, same, rounded, tuple(counts.tolist()), p5, p50, p95)


def _reach(difference: Floats) -> float:
    """What holds 99 % of the differences, so that one far out does not hide the others; 1e-9 where all are equal."""
    return float(max(np.percentile(np.abs(difference), 99), 1e-9))

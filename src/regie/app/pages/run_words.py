"""Words that the pages of runs share: numbers as JSON can say them, what an address asks for, a run in a line."""

import math
from collections.abc import Sequence
from typing import Literal

from regie.app.pages.acts import Shown
from regie.base.errors import BadInput
from regie.gates import figures
from regie.spec.expressions import METRICS
from regie.tracking.table import Chosen, chosen
from regie.tracking.types import JUDGED, LARGEST, Run

State = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
Direction = Literal["higher", "lower"] | None
Figure = float | Literal["NaN", "Infinity", "-Infinity"]
MAX_COLUMNS, MAX_COMPARED, CELL_LENGTH = 60, 50, 300


class Named(Shown):
    """A thing with an id and a name that a person gave it."""

    id: str
    name: str


class RunBrief(Shown):
    """One run in a line. Times are wall milliseconds; `kind` is `pipeline`, `task` or empty."""

    id: str
    name: str
    kind: str
    state: str
    user: str
    experiment: Named
    started_ms: int
    ended_ms: int | None

    @classmethod
    def of(cls, run: Run, name: str, experiment: str) -> "RunBrief":
        return cls(
            id=run.id, name=name, kind=run.kind, state=run.status, user=run.user, started_ms=run.start_wall_ms,
            experiment=Named(id=run.experiment_id, name=experiment), ended_ms=run.end_wall_ms,
        )  # fmt: skip


def figure(value: float) -> Figure:
    """A metric's value: infinities are kept as the largest float."""
    if math.isnan(value):
        return "NaN"
    if abs(value) >= LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    return value


def direction(name: str) -> Direction:
    """Which way is better, where the catalogue knows: `auc` does, and `test/auc`, and what the gates measured. None says nothing."""
    if name.startswith(JUDGED):
        return figures.better(name)
    known = METRICS.get(name.rpartition("/")[2])
    if known is None or known.family != "quality":
        return None
    return "higher" if known.better == "higher" else "lower"


def rank(name: str) -> int:
    """Which metrics come first where not all are shown: those of quality, then what else has a better and a worse, then the others."""
    if direction(name) is None:
        return 2
    return int(name.startswith(JUDGED) and not figures.of_quality(name))


def columns_of(said: str) -> list[Chosen]:
    """The columns that an address names, `m.loss,p.depth`. Raises BadInput."""
    found = []
    for one in dict.fromkeys(said.split(",")):
        column = chosen(one)
        if column is None:
            raise BadInput(
                f"{one[:80]!r} is no column", "columns", "write m.METRIC, p.PARAMETER or t.TAG, with commas between them"
            )
        found.append(column)
    if len(found) > MAX_COLUMNS:
        raise BadInput(f"{len(found)} columns are named", "columns", f"name at most {MAX_COLUMNS}")
    return found


def ids_of(said: str, most: int, where: str) -> list[str]:
    """The runs that an address names. Raises BadInput."""
    found = list(dict.fromkeys(one for one in said.split(",") if one))
    if len(found) > most:
        raise BadInput(f"{len(found)} runs are named", where, f"name at most {most}")
    return found


def cut(value: str, most: int = CELL_LENGTH) -> str:
    """Text for a cell: what is longer ends in an ellipsis."""
    return value if len(value) <= most else value[: most - 1] + "…"


def cell(value: float | str | None) -> float | str | None:
    """What a table shows in a cell; None where the run has none."""
    return figure(value) if isinstance(value, float) else None if value is None else cut(value)


def among(runs: Sequence[Run]) -> list[str]:
    """The experiments that some runs are in."""
    return sorted({one.experiment_id for one in runs})

"""Labels joined to predictions, as of a time.

Pure; times are milliseconds. A label is a statement; statements are only added, and of those known at a time the last one wins
(by `stated_ms`, then by `sequence`), whether it names a prediction's id, or a key and a target time.

A prediction is *mature* when its label would be known whatever its value: `target + known_after <= now`. Only mature ones are
judged, because labels that arrive earlier are often of one kind: a flight that is not late is known not to be late the sooner.
For the same reason a statement that came before its maturity is used only from then on.
"""

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

Texts = NDArray[numpy.object_]
Times = NDArray[numpy.int64]
Values = NDArray[numpy.float64]
Rows = NDArray[numpy.intp]


@dataclass(frozen=True)
class Predictions:
    """Columns of equal length `(rows,)`. `key` may be None in a row; `target_ms` is the time that was predicted for."""

    id: Texts
    key: Texts
    target_ms: Times

    def __len__(self) -> int:
        return len(self.target_ms)


@dataclass(frozen=True)
class Statements:
    """Columns of equal length `(statements,)`. Either `id`, or `key` and `target_ms`; NaN in `value` takes a label back."""

    id: Texts
    key: Texts
    target_ms: Times
    value: Values
    stated_ms: Times
    sequence: Times

    def known_at(self, as_of_ms: int) -> "Statements":
        """The statements that were made by a time, the winning one last."""
        known = numpy.flatnonzero(self.stated_ms <= as_of_ms)
        order = known[numpy.lexsort((self.sequence[known], self.stated_ms[known]))]
        return Statements(self.id[order], self.key[order], self.target_ms[order], self.value[order], self.stated_ms[order],
                          self.sequence[order])  # fmt: skip


@dataclass(frozen=True)
class Joined:
    """`rows`: which mature predictions have a label; `value`, `stated_ms`: that label, and when it was stated.

    `mature`: which predictions should have one by now.
    """

    rows: Rows
    value: Values
    stated_ms: Times
    mature: NDArray[numpy.bool_]

    @property
    def coverage(self) -> float:
        """The part of the mature predictions that have a label; 1 where none is mature: nothing is missing."""
        wanted = int(self.mature.sum())
        return len(self.rows) / wanted if wanted else 1.0


def mature(target_ms: Times, known_after_ms: int, now_ms: int) -> NDArray[numpy.bool_]:
    """Which predictions have a label by now, whatever its value."""
    return target_ms <= now_ms - known_after_ms


def join(predictions: Predictions, statements: Statements, as_of_ms: int, known_after_ms: int) -> Joined:
    """The labels of mature predictions, as they were known at a time. A label of nothing that was predicted is left out."""
    known = statements.known_at(as_of_ms)
    ripe = mature(predictions.target_ms, known_after_ms, as_of_ms)
    by_id = {one: at for at, one in enumerate(known.id.tolist()) if one is not None}
    by_key = {
        (key, time): at
        for at, (one, key, time) in enumerate(zip(known.id.tolist(), known.key.tolist(), known.target_ms.tolist(), strict=True))
        if one is None and key is not None
    }
    rows, found = _matches(predictions, ripe, by_id, by_key)
    values = known.value[found]
    stated = ~numpy.isnan(values)
    return Joined(rows[stated], values[stated], known.stated_ms[found][stated], ripe)


def _matches(
    predictions: Predictions, ripe: NDArray[numpy.bool_], by_id: dict[str, int], by_key: dict[tuple[str, int], int]
) -> tuple[Rows, Rows]:
    """Rows of predictions, and for each the statement that wins."""
    candidates = numpy.flatnonzero(ripe)
    ids, keys = predictions.id[candidates].tolist(), predictions.key[candidates].tolist()
    places = [-1] * len(candidates)
    for at, (one, key, time) in enumerate(zip(ids, keys, predictions.target_ms[candidates].tolist(), strict=True)):
        places[at] = max(by_id.get(one, -1), by_key.get((key, time), -1))  # the last statement stands last
    found = numpy.array(places, dtype=numpy.intp)
    return candidates[found >= 0], found[found >= 0]

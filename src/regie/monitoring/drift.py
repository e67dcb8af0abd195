"""Drift: does a window's input look like one more window of the reference period?

A plain distribution test asks whether rows come from one distribution; days never do, so it fires every day. Here the unit is
the block, a stretch as long as the window (a day for `over: 1d`): the reference is its own blocks, at least 20, and a new
window alarms only where it is stranger than nearly all of them.

* **Profile**: a histogram of each feature in each block. Numbers: bins by quantiles of the reference, the outermost hundredths
  apart; texts, categories, booleans: the nine most frequent values and the rest; always a bin for null.
* **Distance** of a block to all others: squared Hellinger, less what sampling alone gives, `(bins - 1) / 8 * (1/n + 1/m)`; so a
  block of few rows is not strange for being small.
* **Value**: per feature the distance above the median, in units of what the strangest other block reaches, the window among the
  blocks; the value is the largest over the features. Above 1: stranger than every block of the reference in some feature.
* **p-value**: the rank of the window's value among the values of all blocks, each computed in the same way against the others
  (full conformal: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005, 2.2). If blocks are exchangeable,
  `p <= 0.05` happens in about 5 % of windows at most, whatever the features and however many there
  are (the bins come from the reference alone, which the measurement below includes).

Measured by simulation: six features of which days differ (standard deviation between days 0.3 of that within), 150 to 450 rows a
day, 600 windows each; the share of windows that alarm, and in brackets the share of five windows that hold three alarms:

| world | 20 reference days | 45 | 90 |
|---|---|---|---|
| exchangeable days | 1.8 % (0.0 %) | 3.7 % (0.0 %) | 3.2 % (0.0 %) |
| the same, 60 to 1,500 rows a day | 5.8 % (0.6 %) | 3.2 % (0.0 %) | 4.8 % (0.0 %) |
| a day resembles the one before, correlation 0.5 | 8 % (1.7 %) | 6 % (0.3 %) | 6 % (0.3 %) |
| correlation 0.8 | 21 % (13 %) | 16 % (8 %) | 8 % (1 %) |

Power, 45 reference days, one feature of the six moves by 0.5, 1.0, 1.5 standard deviations (1.7, 3.3, 5 times what days
differ): 13 %, 56 %, 95 % of windows alarm. On the departures of JFK in 2013 with hourly weather, the rest of the year against its
first 45 days: 0.3 % (three stormy days of that reference are stranger than a summer); against its first 90: 65 %, for dew point
and temperature.
So a reference with strange days, or few days, sees little; a season that it has not seen *is* drift here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regie.base.errors import BadInput

FloatArray = npt.NDArray[np.float64]
Columns = Mapping[str, Sequence[Any] | npt.NDArray[Any]]

# Deciles, and the outermost hundredths: without these a summer looks like the warmest tenth of the winter.
CUTS = (0.01, *(tenth / 10 for tenth in range(1, 10)), 0.99)
NAMED_VALUES = 9
MIN_BLOCKS = 20
MIN_ROWS = 50
ALARM_P = 0.05
KEPT = 100  # features of a window whose value is kept


@dataclass(frozen=True)
class Drift:
    """The signal of one window. `top`: the features with their value, the strangest first, at most `KEPT`. `p_value` is None, and
    nothing alarms, where the window or the reference is too thin; `because` says which.
    """

    value: float | None
    p_value: float | None
    alarm: bool
    because: str
    rows: int
    top: tuple[tuple[str, float], ...] = ()


def profile(columns: Columns, blocks: npt.NDArray[Any], features: Sequence[str] | None = None) -> dict[str, Any]:
    """The reference as JSON: bins and one histogram a block for each feature. `blocks`: the block of each row, each as long
    as the window.

    Blocks of fewer than 50 rows are left out. `features`: which columns, all by default; see `top_features`.
    """
    names, index = np.unique(np.asarray(blocks), return_inverse=True)
    sizes = np.bincount(index, minlength=len(names))
    kept = np.flatnonzero(sizes >= MIN_ROWS)
    made: dict[str, Any] = {}
    for name in features if features is not None else columns:
        if name not in columns:
            raise BadInput(f"there is no column `{name}`", "drift profile", f"columns: {', '.join(columns)}")
        values = plain(columns[name])
        bins = bins_of([values[at] for at in np.flatnonzero(np.isin(index, kept))])
        placed, width = place(bins, values), width_of(bins)
        counts = [np.bincount(placed[index == block], minlength=width).tolist() for block in kept]
        made[name] = {"bins": bins, "counts": counts}
    return {"format": 1, "blocks": [str(names[at]) for at in kept], "rows": [int(sizes[at]) for at in kept], "features": made}


def top_features(importance: Mapping[str, float], count: int | None) -> list[str]:
    """The `count` most important features (all of them for None); equal ones in the order of their names."""
    ranked = sorted(importance, key=lambda name: (-importance[name], name))
    return ranked if count is None else ranked[:count]


def signal(reference: Mapping[str, Any], window: Columns, alarm_p: float = ALARM_P) -> Drift:
    """How strange the window is beside the reference's own blocks."""
    features = reference["features"]
    missing = sorted(set(features) - set(window))
    if missing:
        raise BadInput(f"the window has no column `{missing[0]}`", "drift signal", "make the profile again from what is logged")
    rows = len(next(iter(window.values()))) if window else 0
    if rows < MIN_ROWS:
        return Drift(None, None, False, "rows.too_few", rows)
    if len(reference["blocks"]) < MIN_BLOCKS or not features:
        return Drift(None, None, False, "reference.too_short", rows)
    values = np.stack([_strangeness(feature, plain(window[name])) for name, feature in features.items()])
    largest = values.max(axis=0)
    p_value = float((largest >= largest[-1]).mean())
    order = np.argsort(-values[:, -1], kind="stable")[:KEPT]
    top = tuple((list(features)[at], round(float(values[at, -1]), 3)) for at in order)
    alarm = p_value <= alarm_p
    return Drift(float(largest[-1]), p_value, alarm, "window.strange" if alarm else "window.usual", rows, top)


def _strangeness(feature: Mapping[str, Any], values: list[Any]) -> FloatArray:
    """The value of each reference block and, last, of the window `(blocks + 1,)`. See the module for the unit."""
    mine = np.bincount(place(feature["bins"], values), minlength=width_of(feature["bins"]))
    distances = distances_to_rest(np.vstack([np.array(feature["counts"], np.float64), mine]))
    middle, ranked = np.median(distances), np.sort(distances)
    # One unit is what the strangest other block reaches. With the usual deviation as the unit, features whose days are wild by
    # nature, such as rain, drown all others.
    others = np.where(distances == ranked[-1], ranked[-2], ranked[-1])
    # A feature that never moves has no spread; a thousandth of the largest possible distance is then one unit.
    return np.asarray((distances - middle) / np.maximum(others - middle, 1e-3), np.float64)


def distances_to_rest(counts: FloatArray) -> FloatArray:
    """Squared Hellinger distance of each block `(blocks, bins)` to all others together, less its expectation for equal
    distributions.

    >>> distances_to_rest(np.array([[800.0, 0.0], [0.0, 800.0]])).round(4).tolist()   # nothing in common: 1, less 1/8 * 2/800
    [0.9997, 0.9997]
    """
    rest = counts.sum(axis=0) - counts
    mine, theirs = counts.sum(axis=1), rest.sum(axis=1)
    common = np.sqrt(counts / mine[:, None] * (rest / theirs[:, None])).sum(axis=1)
    filled = ((counts + rest) > 0).sum(axis=1)
    return np.asarray(1.0 - common - (filled - 1) / 8 * (1 / mine + 1 / theirs), np.float64)


def bins_of(values: list[Any]) -> dict[str, Any]:
    """How a feature is counted: `edges` between number bins, or the `values` that have a bin of their own; as JSON."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known) and known:
        cuts = np.quantile(np.array(known, np.float64), CUTS)
        return {"edges": np.unique(cuts).tolist()}
    frequent = Counter(map(str, known))
    ranked = sorted(frequent, key=lambda value: (-frequent[value], value))
    return {"values": ranked[:NAMED_VALUES]}


def width_of(bins: Mapping[str, Any]) -> int:
    """Bins, with the one for null and, for values, the one for the rest."""
    return len(bins["edges"] if "edges" in bins else bins["values"]) + 2


def place(bins: Mapping[str, Any], values: list[Any]) -> npt.NDArray[np.intp]:
    """The bin of each value; the last is null. A text among numbers is null too: it is none of them."""
    last = width_of(bins) - 1
    if "values" in bins:
        at = {value: place for place, value in enumerate(bins["values"])}
        return np.array([last if value is None else at.get(str(value), last - 1) for value in values], np.intp)
    numbers = np.array([value if isinstance(value, int | float) else np.nan for value in values], np.float64)
    # `left`: a value that is an edge stays below it, so that a frequent number has a bin to itself where it is two quantiles.
    return np.where(np.isnan(numbers), last, np.searchsorted(np.array(bins["edges"]), numbers, "left")).astype(np.intp)


def plain(values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """Python values, None for null and NaN."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return [None if value is None or (isinstance(value, float) and value != value) else value for value in listed]

"""One feature in one window beside its reference: the share of rows in each bin of the profile that the drift monitor compares with."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from sqlalchemy import Connection

from regie.base.errors import BadInput, NotFound
from regie.loop.scene import Scene
from regie.loop.truth import predictions
from regie.loop.watch import PROFILE_TAG
from regie.monitoring import drift
from regie.registry import queries as registry

MOST_ROWS = 2_000_000  # 16 MB of one number column


@dataclass(frozen=True)
class Bin:
    """A stretch of numbers `low < value <= high`, either end open where it is None; or a `value`; or `rest`, `null`.

    `reference`: the share of all its rows; `least` and `most`: the smallest and largest share among its blocks.
    """

    sort: str  # number, value, rest, null
    low: float | None
    high: float | None
    value: str
    reference: float
    least: float
    most: float
    window: float

    @property
    def outside(self) -> bool:
        """No block of the reference had so few or so many."""
        return not self.least <= self.window <= self.most


@dataclass(frozen=True)
class Distribution:
    """A window beside the reference of the version that served it. `blocks`: how many the reference has."""

    feature: str
    bins: tuple[Bin, ...]
    rows: int
    reference_rows: int
    blocks: int


def distribution(scene: Scene, db: Connection, window: dict[str, Any], feature: str) -> Distribution:
    """Of a stored window of a drift monitor, from the prediction log. Raises NotFound, BadInput."""
    profile = reference(scene, db, int(window["version"]), str(window["monitor"]))
    if feature not in profile["features"]:
        names = ", ".join(profile["features"])
        raise NotFound(f"{window['monitor']} does not look at {feature}", scene.workspace, f"it looks at: {names}")
    if window["rows"] > MOST_ROWS:
        raise BadInput(f"the window has {window['rows']} rows", feature, f"at most {MOST_ROWS} are counted for a page")
    table = predictions(scene, window["from_ms"], window["to_ms"], [f"in_{feature}", "mode"])
    live = table.filter(pc.equal(table["mode"], "live"))
    return compared(feature, profile, drift.plain(live[f"in_{feature}"].to_pylist()))


def reference(scene: Scene, db: Connection, version: int, monitor: str) -> dict[str, Any]:
    """The profile of the days that a version learnt from. Raises NotFound."""
    digest = registry.lineage(db, scene.workspace, scene.model, version)["tags"].get(PROFILE_TAG)
    found: dict[str, Any] | None = json.loads(scene.store.blobs.get(digest)).get(monitor) if digest else None
    if found is None:
        raise NotFound(f"{scene.model}@{version} has no reference for {monitor}", scene.workspace, "train it by a pipeline")
    if not found["blocks"]:
        what = f"no stretch of what {scene.model}@{version} learnt from has {drift.MIN_ROWS} rows to compare with"
        raise NotFound(what, monitor, "promise drift over a longer `over` in regie.yaml, then train anew")
    return found


def compared(feature: str, profile: dict[str, Any], values: list[Any]) -> Distribution:
    """The values of a window counted in the bins of a profile."""
    bins, counts = profile["features"][feature]["bins"], np.array(profile["features"][feature]["counts"], np.float64)
    mine = np.bincount(drift.place(bins, values), minlength=drift.width_of(bins)).astype(np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    total, own = max(counts.sum(), 1.0), mine / max(mine.sum(), 1.0)
    made = [
        Bin(
            *_named(bins, at),
            float(counts[:, at].sum() / total),
            float(shares[:, at].min()),
            float(shares[:, at].max()),
            float(own[at]),
        )
        for at in range(counts.shape[1])
    ]
    return Distribution(feature, tuple(made), len(values), int(counts.sum()), len(counts))


def _named(bins: dict[str, Any], at: int) -> tuple[str, float | None, float | None, str]:
    """What falls into a bin: its sort, its ends, its value."""
    last = drift.width_of(bins) - 1
    if at == last:
        return "null", None, None, ""
    if "values" in bins:
        return ("value", None, None, bins["values"][at]) if at < len(bins["values"]) else ("rest", None, None, "")
    edges = bins["edges"]
    return "number", edges[at - 1] if at else None, edges[at] if at < len(edges) else None, ""

"""What an endpoint did in a stretch of time: counts and latencies of each version and mode; pairs of two versions.

Pure; from rows of the lake (`lake.read`). Latencies are milliseconds; a request of many rows counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

COLUMNS = ("id", "request_id", "time_ms", "version", "role", "mode", "output", "latency_ms", "fallback_from", "error")


@dataclass(frozen=True)
class Activity:
    """Requests of one version in one mode. `errors`: requests in which a row failed. `fallbacks`: answered in its place.

    A request that another version had to answer counts as an error and a fallback of the version that should have.
    Latencies are those of the requests that the version answered itself; NaN where there are none.
    """

    version: int
    mode: str
    requests: int
    rows: int
    errors: int
    fallbacks: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def error_share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


def activities(rows: pyarrow.Table) -> list[Activity]:
    """What each version did in each mode, by version, then mode."""
    requests = _requests(rows)
    version, mode, fallback = (
        numpy.asarray(requests[name].to_pylist(), dtype=object) for name in ("version", "mode", "fallback")
    )
    failed, count, latency = (requests[name].to_numpy() for name in ("failed", "rows", "latency"))
    wanted = {(v, m) for v, m in zip(version, mode, strict=True)} | {(f, "live") for f in fallback if f is not None}
    found = []
    for one, kind in sorted(wanted):
        own = (version == one) & (mode == kind)
        fell = (fallback == one) & (kind == "live")
        own_failed = own & failed & numpy.array([other is None for other in fallback], dtype=bool)
        spans = latency[own & ~failed]
        p50, p95, p99 = numpy.percentile(spans, (50, 95, 99)) if len(spans) else (numpy.nan,) * 3
        fallbacks, errors = int(fell.sum()), int(own_failed.sum() + fell.sum())
        found.append(Activity(one, kind, int(own.sum()) + fallbacks, int(count[own | fell].sum()), errors, fallbacks,
                              float(p50), float(p95), float(p99)))  # fmt: skip
    return found


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


def _requests(rows: pyarrow.Table) -> pyarrow.Table:
    """One row a request and version and mode."""
    facts = rows.select(["request_id", "version", "mode", "latency_ms", "time_ms"])
    facts = facts.append_column("fallback", rows["fallback_from"].cast(pyarrow.int64()))
    facts = facts.append_column("failed", pyarrow.compute.is_valid(rows["error"]))
    keys: Sequence[str] = ("request_id", "time_ms", "version", "mode")
    grouped = facts.group_by(keys).aggregate(
        [("latency_ms", "max"), ("fallback", "max"), ("failed", "max"), ("request_id", "count")]
    )
    names = {"latency_ms_max": "latency", "fallback_max": "fallback", "failed_max": "failed", "request_id_count": "rows"}
    return grouped.rename_columns([names.get(name, name) for name in grouped.column_names])

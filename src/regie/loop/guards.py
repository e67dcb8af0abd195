"""Guards: what a rollout promised to abort for, with the figures; and the damage that a version did until it was stopped.

A guard on errors or latency looks at windows of `WINDOW_REQUESTS` requests of the version, the newest five, and is broken when three
of them break it: counts rather than minutes, so that it means the same at any traffic. Latencies are milliseconds as the client felt
them: of a request that waited for the version in vain, with that wait. All of it is read from the prediction log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from regie.loop import comparison
from regie.loop.scene import Scene
from regie.loop.truth import predictions
from regie.predictions.summary import COLUMNS
from regie.predictions.windows import broken_of
from regie.rollout.types import Rollout
from regie.spec.expressions import Expression, parse
from regie.store import nodes

WINDOW_REQUESTS = 20
BROKEN, OF = 3, 5


@dataclass(frozen=True)
class Looked:
    """One guard with its figure: over the newest windows for errors and latency, on pairs for a model metric.

    `windows`: how many were looked at; `broken_windows`: how many of them break it. None and 0 where nothing can be said yet.
    """

    guard: str
    value: float | None
    windows: int
    broken_windows: int
    broken: bool


@dataclass(frozen=True)
class Damage:
    """What a version cost since its rollout started. `fallbacks`: requests that the champion answered in its place, and what
    that added to the champion's usual latency; `restarts`: of its processes, as the nodes count them."""

    requests: int = 0
    failed: int = 0
    fallbacks: int = 0
    added_p50_ms: float | None = None
    added_p95_ms: float | None = None
    restarts: int = 0
    last_error: str = ""


@dataclass(frozen=True)
class Requests:
    """The requests that a version should have answered, in order: whether it failed, and the latency."""

    failed: npt.NDArray[np.bool_]
    latency_ms: npt.NDArray[np.float64]


def look(scene: Scene, db: Connection, rollout: Rollout, quality: bool = True) -> tuple[int, tuple[Looked, ...]]:
    """The version's requests since the stage was entered, and each guard. `quality`: also those on model metrics."""
    if rollout.entered_ms is None:
        return 0, ()
    own = requests_of(predictions(scene, rollout.entered_ms, _until(scene, rollout), COLUMNS), rollout.version)
    promised = [(text, parse(text)) for text in rollout.spec.guards]
    looked = [
        _compared(scene, db, rollout, text, guard) if guard.family == "quality" else _counted(text, guard, own)
        for text, guard in promised
        if quality or guard.family != "quality"
    ]
    return len(own.failed), tuple(looked)


def broken(looked: Sequence[Looked]) -> tuple[str, ...]:
    """The guards that are broken."""
    return tuple(one.guard for one in looked if one.broken)


def damage(scene: Scene, db: Connection, rollout: Rollout) -> Damage:
    """What the version cost, in every stage so far."""
    if rollout.started_ms is None:
        return Damage()
    table = predictions(scene, rollout.started_ms, _until(scene, rollout), COLUMNS)
    own, instead = requests_of(table, rollout.version), table.filter(_instead(table, rollout.version))
    waits = _latencies(instead) - _usual_ms(table, rollout.incumbent)
    added = np.percentile(np.maximum(waits, 0), (50, 95)) if len(waits) else (None, None)
    return Damage(
        len(own.failed), int(own.failed.sum()), len(waits), _rounded(added[0]), _rounded(added[1]), _restarts(db, rollout),
        _last_error(table, rollout.version),
    )  # fmt: skip


def evidence(scene: Scene, db: Connection, rollout: Rollout) -> dict[str, Any]:
    """What an abort keeps of it in its event: the broken guards, the first one's figure, the damage."""
    looked = [one for one in look(scene, db, rollout)[1] if one.broken]
    guard = {"guard": ", ".join(one.guard for one in looked), "value": looked[0].value} if looked else {}
    cost = vars(damage(scene, db, rollout))
    return guard | {name: value for name, value in cost.items() if value not in (None, 0, "")}


def _until(scene: Scene, rollout: Rollout) -> int:
    return (scene.now_ms() if rollout.ended_ms is None else rollout.ended_ms) + 1


def _compared(scene: Scene, db: Connection, rollout: Rollout, text: str, guard: Expression) -> Looked:
    if rollout.incumbent is None or not (rollout.current.compares or rollout.current.kind == "watch"):
        return Looked(text, None, 0, 0, False)
    found = comparison.compared(scene, db, rollout, guard)
    value = _rounded(found.interval.value) if found.interval else None
    return Looked(text, value, int(found.interval is not None), int(found.breaks), found.breaks)


def _counted(text: str, guard: Expression, own: Requests) -> Looked:
    """Whether three of the newest five whole windows of requests break the guard."""
    starts = range(len(own.failed) % WINDOW_REQUESTS, len(own.failed), WINDOW_REQUESTS)
    breaks = [guard.holds(figure(guard, own, slice(start, start + WINDOW_REQUESTS))) for start in starts]
    newest = slice(max(0, len(own.failed) - OF * WINDOW_REQUESTS), None)
    value = _rounded(figure(guard, own, newest)) if len(own.failed) else None
    return Looked(text, value, len(breaks[-OF:]), sum(breaks[-OF:]), broken_of(breaks, BROKEN, OF))


def figure(guard: Expression, own: Requests, window: slice) -> float:
    """What a guard on errors or latency looks at, of some of the requests."""
    if guard.metric == "errors":
        return float(own.failed[window].mean())
    return float(np.percentile(own.latency_ms[window], float((guard.part or "p95").removeprefix("p"))))


def requests_of(table: pa.Table, version: int) -> Requests:
    """A version's requests: those it answered or failed, live or as a shadow, and those another answered in its place."""
    rows = table.filter(pc.or_(pc.equal(table["version"], version), _instead(table, version)))
    rows = rows.select(["request_id", "time_ms", "error", "fallback_from", "latency_ms"])
    rows = rows.append_column("failed", pc.or_(pc.is_valid(rows["error"]), pc.is_valid(rows["fallback_from"])))
    grouped = rows.group_by(["request_id", "time_ms"]).aggregate([("failed", "max"), ("latency_ms", "max")]).sort_by("time_ms")
    return Requests(np.asarray(grouped["failed_max"].to_pylist(), bool), grouped["latency_ms_max"].to_numpy(zero_copy_only=False))


def _instead(table: pa.Table, version: int) -> Any:
    return pc.fill_null(pc.equal(table["fallback_from"], version), False)


def _latencies(table: pa.Table) -> npt.NDArray[np.float64]:
    """One a request."""
    grouped = table.group_by(["request_id", "time_ms"]).aggregate([("latency_ms", "max")])
    return np.asarray(grouped["latency_ms_max"].to_numpy(zero_copy_only=False), np.float64)


def _usual_ms(table: pa.Table, champion: int | None) -> float:
    """The middle latency of what the champion answered for itself."""
    if champion is None:
        return 0.0
    own = pc.and_(pc.equal(table["version"], champion), pc.equal(table["mode"], "live"))
    spans = _latencies(table.filter(pc.and_(own, pc.and_(pc.is_null(table["fallback_from"]), pc.is_null(table["error"])))))
    return float(np.median(spans)) if len(spans) else 0.0


def _last_error(table: pa.Table, version: int) -> str:
    failed = pc.and_(pc.or_(pc.equal(table["version"], version), _instead(table, version)), pc.is_valid(table["error"]))
    found = table.filter(failed).sort_by("time_ms")["error"].to_pylist()
    return str(found[-1]) if found else ""


def _restarts(db: Connection, rollout: Rollout) -> int:
    said = [node.variants.get(rollout.endpoint, {}).get(str(rollout.version), {}) for node in nodes.known(db)]
    return sum(int(one.get("restarts", 0)) for one in said)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")

"""Watch: compute each monitor's signal for the windows that have closed, and open or close its breach.

Quality looks at the champion's own predictions whose labels are mature; drift at the inputs, beside the days that the champion
learnt from. A window is judged once, when every live serving node has delivered it.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from regie.base.clock import DAY_MS, iso
from regie.base.errors import BadInput
from regie.gates import queries as gates
from regie.loop.scene import Scene
from regie.loop.truth import known_after_ms, predictions, task_of, truth
from regie.monitoring import changes, drift, queries
from regie.monitoring.decide import Observed, State, bound_of, decide, drift_verdict, verdict
from regie.monitoring.quality import quality
from regie.monitoring.types import Breach, Signal
from regie.registry import queries as registry
from regie.spec.document import DriftSpec
from regie.spec.expressions import Expression, parse
from regie.store.change import caused
from regie.store.types import NOBODY_CAUSE, system

ACTOR = system("watch")
PROFILE_TAG = "regie.drift_profile"


def turn(scene: Scene) -> bool:
    """Judge what has closed; True if something changed."""
    if scene.serves is None:
        return False
    with scene.store.read() as db:
        champion = scene.champion(db)
        watermark = min(scene.watermark(db), scene.now_ms())
    if champion is None:
        return False
    moved = _close_gone(scene, champion.version)
    for promise in scene.spec.monitor.quality:
        moved |= _quality(scene, promise, champion, watermark)
    for promised in scene.spec.monitor.drift:
        moved |= _drift(scene, promised, champion, watermark)
    return moved


def _close_gone(scene: Scene, version: int) -> bool:
    """A breach belongs to the version that broke it; when that is no longer the champion, it is closed."""
    with scene.store.read() as db:
        gone = [one for one in queries.breaches_of(db, scene.workspace, state="open") if one.version != version]
    for one in gone:
        with scene.store.change(ACTOR, "signal.record", one.monitor, workspace=scene.workspace, cause=caused(one)) as tx:
            changes.close(tx, one, "version.gone")
    return bool(gone)


def _quality(scene: Scene, promise: Expression, champion: Any, watermark: int) -> bool:
    """One window of a quality monitor: it ends at the last midnight (UTC) up to which labels are mature."""
    to_ms = (watermark - known_after_ms(scene)) // DAY_MS * DAY_MS
    from_ms = to_ms - (promise.over_ms or DAY_MS)
    if to_ms <= champion.since_ms or _judged(scene, promise.text, champion.version, to_ms):
        return False
    names = ["id", "key", "time_ms", "target_ms", "version", "mode", "output", "outputs", "role"]
    table = predictions(scene, from_ms, to_ms, [*names, *([f"in_{promise.by}"] if promise.by else [])])
    own = table.filter(pc.and_(pc.equal(table["version"], champion.version), pc.equal(table["mode"], "live")))
    with scene.store.read() as db:
        reference = _reference(scene, db, promise, champion.version)
        try:
            seen = _figures(scene, db, promise, own)
        except BadInput as wrong:  # labels that cannot belong to the task say nothing of the model, and must not stop the watch
            because = f"labels.impossible: {wrong.what}"
            return _record(scene, Signal(promise.text, "quality", champion.version, from_ms, to_ms, "none", because))
    observed = Observed(promise, True, seen.figure, seen.coverage, reference)
    says, because = verdict(observed)
    figure = seen.figure
    known = figure.rows > 0
    signal = Signal(
        promise.text, "quality", champion.version, from_ms, to_ms, says, because, value=figure.value if known else None,
        low=figure.low, high=figure.high, bound=bound_of(observed), rows=figure.rows, coverage=seen.coverage,
    )  # fmt: skip
    return _record(scene, signal)


def _figures(scene: Scene, db: Connection, promise: Expression, own: pa.Table) -> Any:
    targets = np.asarray(pc.coalesce(own["target_ms"], own["time_ms"]).to_pylist(), np.int64)
    found = truth(scene, db, own["id"].to_pylist(), own["key"].to_pylist(), targets)
    outputs = own["output"].to_pylist()
    labels = [None if np.isnan(value) else float(value) for value in found.label]
    groups = np.array([own[f"in_{promise.by}"][int(at)].as_py() for at in found.rows], object) if promise.by else None
    return quality(promise, task_of(scene), [outputs[at] for at in found.rows], labels, found.time_ms, groups)


def _reference(scene: Scene, db: Connection, promise: Expression, version: int) -> float | None:
    """`champion_at_release`: the champion's own figure on the holdout that let it pass."""
    assert scene.spec.model is not None
    found = gates.evidence_of(db, scene.workspace, scene.spec.model.name, version)
    judged = [one for one in found if one["verdict"] in ("passed", "not_applicable") and one["value"] is not None]
    figures = [one["value"] for one in judged if parse(one["gate"]).subject == promise.subject]
    return figures[-1] if figures else None


def _drift(scene: Scene, promised: DriftSpec, champion: Any, watermark: int) -> bool:
    """One window of a drift monitor, beside the profile of the days that the champion learnt from."""
    to_ms = watermark // promised.over_ms * promised.over_ms
    from_ms = to_ms - promised.over_ms
    if from_ms < champion.since_ms or _judged(scene, promised.key, champion.version, to_ms):
        return False
    with scene.store.read() as db:
        reference = _profile(scene, db, champion.version, promised.key)
        before = queries.signals_of(db, scene.workspace, promised.key, champion.version, promised.breach.of)
    if reference is None:
        return False
    table = predictions(scene, from_ms, to_ms)
    live = table.filter(pc.equal(table["mode"], "live"))
    window = {name: live[f"in_{name}"].to_pylist() for name in reference["features"] if f"in_{name}" in live.column_names}
    if len(window) < len(reference["features"]):
        return False  # nothing was asked in this window
    found = drift.signal(reference, window)
    alarms = [bool(one["detail"].get("alarm")) for one in reversed(before) if one["value"] is not None]
    usable = [*alarms, found.alarm] if found.value is not None else alarms
    says, because = drift_verdict(usable, promised.breach.broken, promised.breach.of)
    detail = {"alarm": found.alarm, "p_value": found.p_value, "top": [list(one) for one in found.top], "window": found.because}
    signal = Signal(
        promised.key, "drift", champion.version, from_ms, to_ms, says, because, value=found.value, rows=found.rows,
        coverage=1.0, detail=detail,
    )  # fmt: skip
    return _record(scene, signal)


def _profile(scene: Scene, db: Connection, version: int, monitor: str) -> dict[str, Any] | None:
    assert scene.spec.model is not None
    digest = registry.lineage(db, scene.workspace, scene.spec.model.name, version)["tags"].get(PROFILE_TAG)
    if digest is None:
        return None
    profiles: dict[str, Any] = json.loads(scene.store.blobs.get(digest))
    return profiles.get(monitor)


def _judged(scene: Scene, monitor: str, version: int, to_ms: int) -> bool:
    with scene.store.read() as db:
        return any(one["to_ms"] >= to_ms for one in queries.signals_of(db, scene.workspace, monitor, version, 1))


def _record(scene: Scene, signal: Signal) -> bool:
    """The signal, and what it does to the monitor's breach, in one change."""
    with scene.store.read() as db:
        opened = queries.open_breach(db, scene.workspace, signal.monitor)
    breach = Breach(opened.monitor, opened.kind, opened.version, opened.opened_ms) if opened else None
    decision = decide(State(signal.verdict, signal.version, breach))
    with scene.store.change(
        ACTOR, "signal.record", signal.monitor, signal.because, workspace=scene.workspace,
        cause=caused(opened) if opened else NOBODY_CAUSE,
    ) as tx:  # fmt: skip
        stored = changes.record(tx, signal.body())
        if stored is None:
            return False
        if decision.do == "close" and opened is not None:
            changes.close(tx, opened, decision.because)
        elif decision.do == "open":
            changes.breach(tx, signal.monitor, signal.kind, signal.version, stored, _told(signal))
        return True


def _told(signal: Signal) -> str:
    if signal.low is None or signal.bound is None:
        return f"{signal.because} up to {iso(signal.to_ms)[:10]}"
    return f"{signal.value:.4g} [{signal.low:.4g}, {signal.high:.4g}] against {signal.bound:.4g}, up to {iso(signal.to_ms)[:10]}"

"""What a rollout compares: a version's truth beside its incumbent's, in `watch` and for guards on model metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from regie.base.clock import DAY_MS
from regie.base.errors import BadInput
from regie.loop.scene import Scene
from regie.loop.truth import Floats, Times, predictions, task_of, truth
from regie.metrics.answers import answer_for, truth_of
from regie.metrics.catalogue import metric_of
from regie.metrics.groups import group_interval
from regie.metrics.intervals import Interval, difference_interval, figure_interval
from regie.predictions.summary import COLUMNS, pairs
from regie.rollout.types import Rollout
from regie.spec.expressions import Expression

MIN_COVERAGE = 0.95


@dataclass(frozen=True)
class Unsaid:
    """Why nothing can be said: a word for programs, a sentence for people. `coverage`: the share of rows that both answered."""

    code: str
    text: str
    coverage: float | None = None


@dataclass(frozen=True)
class Watched:
    """The verdict on the new champion beside the former one, and the paired difference behind it (above zero is better)."""

    verdict: Literal["", "not_worse", "worse"]
    because: str
    difference: Interval | None = None
    margin: float | None = None
    unsaid: Unsaid | None = None


@dataclass(frozen=True)
class Compared:
    """A guard on a model metric: its interval, None where nothing can be said; the number that it is held against; whether the whole
    of the interval breaks it."""

    interval: Interval | None
    bound: float
    breaks: bool
    unsaid: Unsaid | None = None


def margin_of(scene: Scene) -> Expression | None:
    """The gate that compares with the champion: its metric and margin decide `watch` too."""
    assert scene.spec.model is not None
    return next((gate for gate in scene.spec.model.gates if gate.relative and gate.by is None), None)


@dataclass(frozen=True)
class Sides:
    """The mature rows that both versions answered, `(rows,)` each: truth, both outputs, UTC day, and group where one is asked."""

    label: Floats
    mine: Floats
    theirs: Floats
    days: Times
    groups: npt.NDArray[np.object_] | None


def _sides(scene: Scene, db: Connection, rollout: Rollout, by: str | None) -> Sides | Unsaid:
    """The version beside the incumbent since the stage was entered, or why nothing can be said."""
    assert rollout.entered_ms is not None
    assert rollout.incumbent is not None
    names = (*COLUMNS, "key", "target_ms", *([f"in_{by}"] if by else []))
    table = predictions(scene, rollout.entered_ms, scene.now_ms() + 1, names)
    listens = rollout.current.kind == "shadow"  # then the incumbent answers, and the version shadows it
    live = rollout.incumbent if listens else rollout.version
    found = pairs(table, live, rollout.version if live == rollout.incumbent else rollout.incumbent)
    if found.coverage < MIN_COVERAGE:
        return Unsaid("compared.too_few_shadowed", f"{found.coverage:.0%} of the rows were shadowed", found.coverage)
    keys, targets, groups = _facts(table, found.id.tolist(), by)
    seen = truth(scene, db, found.id.tolist(), keys, targets)
    known = np.isfinite(seen.label)
    rows = seen.rows[known]
    if len(rows) == 0:
        return Unsaid("compared.no_label", "no label is mature yet")
    try:
        label = truth_of(task_of(scene), seen.label[known].tolist())
    except BadInput as wrong:  # labels that cannot belong to the task must not stop a rollout's other rules
        return Unsaid("labels.impossible", f"labels.impossible: {wrong.what}")
    mine, theirs = (found.shadow, found.live) if listens else (found.live, found.shadow)
    chosen = np.array([groups[row] for row in rows], object) if by else None
    return Sides(label, mine[rows], theirs[rows], seen.time_ms[known] // DAY_MS, chosen)


def compared(scene: Scene, db: Connection, rollout: Rollout, guard: Expression) -> Compared:
    """A guard on a model metric: of the version alone, or of its difference to the incumbent, on the same rows."""
    metric, task, bound = metric_of(guard.metric), task_of(scene), guard.bound
    number = bound.number or 0.0
    times = (number if bound.operation == "*" else 1.0) if guard.relative else 0.0
    shift = {"*": 0.0, "-": -number}.get(bound.operation or "+", number) if guard.relative else bound.value()
    sides = _sides(scene, db, rollout, guard.by)
    if isinstance(sides, Unsaid):
        return Compared(None, shift, False, sides)
    mine = answer_for(metric, task, sides.mine)
    theirs = answer_for(metric, task, sides.theirs) if guard.relative else None
    if sides.groups is not None:
        found = group_interval(metric, guard.part or "gap", sides.label, mine, sides.groups, sides.days, theirs, times)
    elif theirs is not None:
        found = difference_interval(metric, sides.label, mine, theirs, sides.days, times)
    else:
        found = figure_interval(metric, sides.label, mine, sides.days)
    if found.low is None or found.high is None:
        return Compared(found, shift, False, Unsaid("compared.too_few_days", f"{found.blocks} days are too few"))
    return Compared(found, shift, found.low > shift if guard.operator[0] == ">" else found.high < shift)


def watch(scene: Scene, db: Connection, rollout: Rollout) -> Watched:
    """Is the new champion worse than the former one, which shadows it, by more than the gate's margin?"""
    gate = margin_of(scene)
    if gate is None or rollout.incumbent is None or rollout.entered_ms is None:
        nothing = Unsaid("compared.no_gate", "no gate compares with the champion")
        return Watched("", nothing.text, unsaid=nothing)
    sides = _sides(scene, db, rollout, None)
    if isinstance(sides, Unsaid):
        return Watched("", sides.text, unsaid=sides)
    metric, task = metric_of(gate.metric), task_of(scene)
    mine, theirs = (answer_for(metric, task, outputs) for outputs in (sides.mine, sides.theirs))
    times, allowed = tolerance(gate, metric.sign)
    difference = difference_interval(metric, sides.label, mine, theirs, sides.days, times).turned(metric.sign)
    return _verdict(allowed, difference)


def tolerance(gate: Expression, sign: float) -> tuple[float, float]:
    """By which factor, and by how much, the gate lets a version be worse. A gate that asks for better asks here for not worse."""
    number = gate.bound.number or 0.0
    if gate.bound.operation == "*":
        return (number if (number - 1) * sign < 0 else 1.0), 0.0
    shift = -number if gate.bound.operation == "-" else number
    return 1.0, max(0.0, -sign * shift)


def _verdict(margin: float, difference: Interval) -> Watched:
    if difference.low is None or difference.high is None:
        return Watched("", f"{difference.blocks} days are too few", difference, margin)
    if difference.low >= -margin:
        return Watched("not_worse", "the interval says not worse", difference, margin)
    if difference.high < -margin:
        return Watched("worse", "the interval says worse", difference, margin)
    return Watched("", "the interval is undecided", difference, margin)


def _facts(
    table: pa.Table, ids: Sequence[str], by: str | None
) -> tuple[list[str | None], npt.NDArray[np.int64], list[object]]:  # fmt: skip
    """Key, target time and group of each id."""
    live = table.filter(pc.equal(table["mode"], "live"))
    named = ("id", "key", "target_ms", "time_ms", f"in_{by}" if by else "id")
    by_id = {
        one: (key, time if target is None else target, group)
        for one, key, target, time, group in zip(*(live[name].to_pylist() for name in named), strict=True)
    }
    facts = [by_id[one] for one in ids]
    return [key for key, _, _ in facts], np.array([target for _, target, _ in facts], np.int64), [one for _, _, one in facts]

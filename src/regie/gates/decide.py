"""Judge a challenger: each gate by itself, then all of them together.

Pure: arrays in, verdicts out; no clock, no database, no network. Differences are signed so that higher is better. A gate has
passed where the lower 95 % bound of `figure - bound` reaches zero, failed where the upper bound does not; otherwise there is
not enough evidence, and the challenger is judged again with the next mature window, three times in all.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from regie.base.errors import BadInput
from regie.gates.types import GateResult, Overall, Verdict
from regie.metrics.answers import ModelTask, answer_for
from regie.metrics.catalogue import Metric, metric_of
from regie.metrics.groups import PARTS, group_figures, group_interval
from regie.metrics.intervals import Interval, difference_interval, figure_interval
from regie.metrics.rows import FloatArray
from regie.spec.expressions import Expression

ATTEMPTS = 3


@dataclass(frozen=True)
class Holdout:
    """The rows that gates are judged on: truth `(rows,)` without nulls, outputs of both models for the same rows, the block
    of each row, and the evaluation columns by name. `champion` is None where there is none yet.
    """

    task: ModelTask
    truth: FloatArray
    challenger: FloatArray
    champion: FloatArray | None
    blocks: npt.NDArray[Any]
    groups: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What the overall verdict looks at; `attempts` counts this judgement too."""

    verdicts: tuple[Verdict, ...]
    attempts: int


Rule = tuple[str, Callable[[Seen], bool], Literal["passed", "failed", "inconclusive", "dropped"]]
RULES: tuple[Rule, ...] = (
    ("gate.failed",           lambda s: "failed" in s.verdicts,                                                "failed"),
    ("evidence.never_enough", lambda s: "not_enough_evidence" in s.verdicts and s.attempts >= ATTEMPTS,        "dropped"),
    ("evidence.not_enough",   lambda s: "not_enough_evidence" in s.verdicts,                                   "inconclusive"),
    ("gates.all_passed",      lambda s: True,                                                                  "passed"),
)  # fmt: skip


def overall(results: Sequence[GateResult], attempts: int) -> Overall:
    """What all gates together say. `attempts`: how often this challenger was judged, this time included."""
    seen = Seen(tuple(result.verdict for result in results), attempts)
    return next(Overall(verdict, because) for because, holds, verdict in RULES if holds(seen))


def judge(gate: Expression, holdout: Holdout) -> GateResult:
    """One quality gate on the held-out rows. Raises BadInput for `==`, `!=` or a group column that the holdout does not have."""
    sign = side(gate)
    metric = metric_of(gate.metric)
    if gate.relative and holdout.champion is None:
        # Its own figure is kept: `champion_at_release` of the first champion is this one.
        own = _figure(gate, metric, holdout)
        return GateResult(gate.text, "not_applicable", _known(own.value), rows=own.rows, blocks=own.blocks,
                          detail={"because": "champion.none"})  # fmt: skip
    theirs, times, shift = _reference(gate)
    own = _figure(gate, metric, holdout)
    champion_value = _plain(gate, metric, holdout, holdout.champion) if gate.relative else None
    compared = _compared(gate, metric, holdout, times) if gate.relative else own
    bound = times * champion_value + shift if champion_value is not None else shift
    # `compared` is the figure minus `times` champions, or the figure itself; a gate asks that it lies on the right side of
    # `shift`.
    margin = compared.moved(-shift).turned(sign)
    verdict = verdict_of(margin, strict=gate.operator in (">", "<"))
    shown = compared.moved(own.value - compared.value) if gate.relative else own
    detail = _detail(gate, metric, holdout, compared.turned(sign), sign * shift) if theirs else _detail(gate, metric, holdout)
    return GateResult(gate.text, verdict, _known(own.value), _known(shown.low), _known(shown.high), _known(bound),
                      _known(champion_value), own.rows, own.blocks, detail)  # fmt: skip


def verdict_of(margin: Interval, strict: bool = False) -> Verdict:
    """Passed, failed or neither, of a margin that has to be at least zero (`strict`: above zero)."""
    if margin.low is None or margin.high is None:
        return "not_enough_evidence"
    if margin.low > 0 or (margin.low == 0 and not strict):
        return "passed"
    if margin.high < 0 or (margin.high == 0 and strict):
        return "failed"
    return "not_enough_evidence"


def measured(gate: Expression, figure: float | None, detail: dict[str, Any] | None = None) -> GateResult:
    """A latency or memory gate: the measured figure is compared as it is."""
    side(gate)
    bound = gate.bound.value()
    if figure is None or not math.isfinite(figure):
        return GateResult(gate.text, "not_enough_evidence", bound=bound, detail={**(detail or {}), "because": "not.measured"})
    return GateResult(gate.text, "passed" if gate.holds(figure) else "failed", figure, bound=bound, detail=detail or {})


def side(gate: Expression) -> float:
    """1 where the gate asks for at least, -1 where it asks for at most."""
    if gate.operator not in (">=", ">", "<=", "<"):
        raise BadInput(f"a gate cannot ask for `{gate.operator}`", gate.text, "write >=, <=, > or <")
    return 1.0 if gate.operator[0] == ">" else -1.0


def _reference(gate: Expression) -> tuple[bool, float, float]:
    """Whether a champion is meant, how many times its figure, plus what."""
    if not gate.relative:
        return False, 0.0, gate.bound.value()
    number = gate.bound.number or 0.0
    if gate.bound.operation == "*":
        return True, number, 0.0
    return True, 1.0, -number if gate.bound.operation == "-" else number


def _figure(gate: Expression, metric: Metric, holdout: Holdout) -> Interval:
    answer = answer_for(metric, holdout.task, holdout.challenger)
    if gate.by is None:
        return figure_interval(metric, holdout.truth, answer, holdout.blocks)
    return group_interval(metric, gate.part or "gap", holdout.truth, answer, _column(gate, holdout), holdout.blocks)


def _compared(gate: Expression, metric: Metric, holdout: Holdout, times: float) -> Interval:
    assert holdout.champion is not None
    mine, theirs = (answer_for(metric, holdout.task, outputs) for outputs in (holdout.challenger, holdout.champion))
    if gate.by is None:
        return difference_interval(metric, holdout.truth, mine, theirs, holdout.blocks, times)
    groups = _column(gate, holdout)
    return group_interval(metric, gate.part or "gap", holdout.truth, mine, groups, holdout.blocks, theirs, times)


def _plain(gate: Expression, metric: Metric, holdout: Holdout, outputs: FloatArray | None) -> float:
    assert outputs is not None
    answer = answer_for(metric, holdout.task, outputs)
    if gate.by is None:
        return metric.figure(holdout.truth, answer)
    figures = np.array([*group_figures(metric, holdout.truth, answer, _column(gate, holdout)).figures.values()])
    return float(PARTS[gate.part or "gap"](figures)) if len(figures) else math.nan


def _column(gate: Expression, holdout: Holdout) -> npt.NDArray[Any]:
    if gate.by is None or gate.by not in holdout.groups:
        raise BadInput(f"the holdout has no column `{gate.by}`", gate.text, "declare it with `use: evaluation`")
    return holdout.groups[gate.by]


def _detail(
    gate: Expression, metric: Metric, holdout: Holdout, difference: Interval | None = None, d: float = 0.0
) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    if difference is not None:
        detail |= {"difference": _known(difference.value), "difference_low": _known(difference.low),
                   "difference_high": _known(difference.high), "d": d}  # fmt: skip
    if gate.by is not None:
        answer = answer_for(metric, holdout.task, holdout.challenger)
        groups = group_figures(metric, holdout.truth, answer, _column(gate, holdout))
        detail |= {"groups": {name: _known(value) for name, value in groups.figures.items()}, "too_few": groups.too_few}
    return detail


def _known(figure: float | None) -> float | None:
    """JSON has no NaN: a figure that is not defined is null."""
    return None if figure is None or not math.isfinite(figure) else float(figure)

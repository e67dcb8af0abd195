"""A rollout's guards as a person reads them: each an interval against its bound, the windows behind it, what is missing to a verdict.

What a guard decides is decided in `loop/guards`; here is only what it saw. The interval of errors and latencies is of the requests of the
newest windows, as if they were independent; it decides nothing.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from regie.loop import comparison, guards
from regie.loop.guards import BROKEN, OF, WINDOW_REQUESTS, Requests
from regie.loop.scene import Scene
from regie.loop.truth import predictions
from regie.metrics.requests import percentile_interval, share_interval
from regie.predictions.summary import COLUMNS
from regie.rollout.types import Rollout
from regie.spec.expressions import METRICS, Expression, parse

State = Literal["kept", "broken", "undecided", "not_enough", "not_asked"]
# The fewest requests that could break a guard.
ENOUGH = BROKEN * WINDOW_REQUESTS


@dataclass(frozen=True)
class Reading:
    """One guard. `bound`: what the figure is held against, of a relative one the difference to the incumbent; `kind`: fraction, time in
    milliseconds, or number. `windows`: the figure of each whole window, the newest last, and whether it `breaks` the guard.

    `missing`: requests to the first possible verdict. `unsaid`: why a guard on a model metric says nothing; `coverage`, `days`: what it saw.
    """

    guard: str
    kind: str
    operator: str
    bound: float
    relative: bool
    state: State
    value: float | None = None
    low: float | None = None
    high: float | None = None
    windows: tuple[float, ...] = ()
    breaks: tuple[bool, ...] = ()
    requests: int = 0
    missing: int = 0
    unsaid: str = ""
    coverage: float | None = None
    days: int | None = None

    @property
    def silent(self) -> bool:
        """Nobody can say yet whether it is kept."""
        return self.state in ("undecided", "not_enough")


def readings(scene: Scene, db: Connection, rollout: Rollout) -> tuple[Reading, ...]:
    """Each guard in the stage that the rollout is in, or was in when it ended, as of then."""
    promised = [(text, parse(text)) for text in rollout.spec.guards]
    compares = rollout.current.compares or rollout.current.kind == "watch"
    if rollout.entered_ms is None or rollout.incumbent is None or not compares:
        return tuple(_not_asked(text, guard) for text, guard in promised)
    until = scene.now_ms() + 1
    own = guards.requests_of(predictions(scene, rollout.entered_ms, until, COLUMNS), rollout.version)
    return tuple(
        _compared(scene, db, rollout, text, guard) if guard.family == "quality" else counted(text, guard, own)
        for text, guard in promised
    )


def counted(text: str, guard: Expression, own: Requests) -> Reading:
    """A guard on errors or latency."""
    requests = len(own.failed)
    starts = range(requests % WINDOW_REQUESTS, requests, WINDOW_REQUESTS)[-OF:]
    figures = tuple(guards.figure(guard, own, slice(start, start + WINDOW_REQUESTS)) for start in starts)
    breaks = tuple(guard.holds(figure) for figure in figures)
    state: State = "not_enough" if requests < ENOUGH else "broken" if sum(breaks) >= BROKEN else "kept"
    newest = slice(max(0, requests - OF * WINDOW_REQUESTS), None)
    low, high = _interval(guard, own, newest)
    return Reading(
        text, METRICS[guard.metric].kind, guard.operator, guard.bound.value(), False, state,
        _rounded(guards.figure(guard, own, newest)) if requests else None, low, high,
        tuple(float(f"{one:.6g}") for one in figures), breaks, requests, max(0, ENOUGH - requests),
    )  # fmt: skip


def _interval(guard: Expression, own: Requests, rows: slice) -> tuple[float | None, float | None]:
    if guard.metric == "errors":
        failed = own.failed[rows]
        return share_interval(int(failed.sum()), len(failed)) or (None, None)
    low, high = percentile_interval(own.latency_ms[rows], float((guard.part or "p95").removeprefix("p")))
    return _rounded(low), _rounded(high)


def _compared(scene: Scene, db: Connection, rollout: Rollout, text: str, guard: Expression) -> Reading:
    found = comparison.compared(scene, db, rollout, guard)
    seen, unsaid = found.interval, found.unsaid
    shown = (_rounded(seen.value), _rounded(seen.low), _rounded(seen.high)) if seen else (None, None, None)
    return Reading(
        text, METRICS[guard.metric].kind, guard.operator, found.bound, guard.relative,
        "not_enough" if unsaid else "broken" if found.breaks else _kept(guard, found), *shown,
        unsaid=unsaid.code if unsaid else "", coverage=unsaid.coverage if unsaid else None, days=seen.blocks if seen else None,
    )  # fmt: skip


def _kept(guard: Expression, found: comparison.Compared) -> State:
    """Kept where the whole interval lies on the good side; a bound inside of it decides nothing."""
    assert found.interval is not None
    low, high = found.interval.low, found.interval.high
    assert low is not None
    assert high is not None
    return "kept" if (high <= found.bound if guard.operator[0] == ">" else low >= found.bound) else "undecided"


def _not_asked(text: str, guard: Expression) -> Reading:
    bound = (guard.bound.number or 0.0) if guard.relative else guard.bound.value()
    return Reading(text, METRICS[guard.metric].kind, guard.operator, bound, guard.relative, "not_asked")


def _rounded(value: float | None) -> float | None:
    return None if value is None or value != value else float(f"{value:.6g}")

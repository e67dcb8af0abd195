"""Decide the next move of a rollout.

Pure: no clock, no database, no network. Times are business-clock milliseconds.
The first rule that holds wins, so safety stands above progress.
"""

from collections.abc import Callable

from regie.rollout.types import Abort, Acknowledge, Decision, Enter, Finish, Move, Observed, RolloutSpec, Stage, Wait

Rule = tuple[str, Callable[[RolloutSpec, Observed, int], bool], Move]


def stage_of(spec: RolloutSpec, seen: Observed) -> Stage:
    return spec.stages[seen.stage]


def _watching(spec: RolloutSpec, seen: Observed) -> bool:
    return stage_of(spec, seen).kind == "watch"


def _last(spec: RolloutSpec, seen: Observed) -> bool:
    return seen.stage + 1 >= len(spec.stages)


def _elapsed(seen: Observed, now: int) -> int:
    return now - (seen.entered_ms if seen.entered_ms is not None else now)


def _too_thin(spec: RolloutSpec, seen: Observed) -> bool:
    return seen.requests < stage_of(spec, seen).min_requests


RULES: tuple[Rule, ...] = (
    ("guard.broken", lambda s, o, now: bool(o.broken) and o.incumbent, Abort()),
    ("package.failed", lambda s, o, now: bool(o.failed), Abort()),
    ("watch.quality_breached", lambda s, o, now: _watching(s, o) and o.incumbent and o.quality_breached, Abort()),
    ("watch.worse", lambda s, o, now: _watching(s, o) and o.watch == "worse", Abort()),
    ("paused", lambda s, o, now: o.paused, Wait()),
    ("stage.nothing_to_compare", lambda s, o, now: stage_of(s, o).compares and not o.incumbent, Enter()),
    ("nodes.behind", lambda s, o, now: bool(o.nodes_behind), Wait()),
    ("watch.no_former_champion", lambda s, o, now: _watching(s, o) and not o.incumbent, Finish()),
    ("stage.acknowledged", lambda s, o, now: o.entered_ms is None, Acknowledge()),
    ("watch.not_worse", lambda s, o, now: _watching(s, o) and o.watch == "not_worse", Finish()),
    ("stage.running", lambda s, o, now: _elapsed(o, now) < stage_of(s, o).for_ms, Wait()),
    ("watch.time_over", lambda s, o, now: _watching(s, o), Finish()),
    ("stage.too_thin", lambda s, o, now: _too_thin(s, o) and _elapsed(o, now) < stage_of(s, o).max_ms, Wait()),
    ("stage.inconclusive", lambda s, o, now: _too_thin(s, o), Wait()),
    ("rollout.done", lambda s, o, now: _last(s, o), Finish()),
    ("stage.done", lambda s, o, now: True, Enter()),
)  # fmt: skip


def decide(spec: RolloutSpec, observed: Observed, now: int) -> Decision:
    """The next move and the rule that chose it."""
    return next(Decision(do, because) for because, holds, do in RULES if holds(spec, observed, now))

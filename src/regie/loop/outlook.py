"""Whether it is safe to go on with a rollout, and when it goes on: what a person asks of the rule that decides now.

Pure: no clock, no database, no network. Times are business-clock milliseconds. `rollout/decide` decides; this only says what that means.
"""

from dataclasses import dataclass
from typing import Literal

from regie.base.clock import DAY_MS
from regie.rollout.decide import decide
from regie.rollout.types import Abort, Observed, Rollout, RolloutSpec, Stage

Safe = Literal["yes", "no", "unknown", "over"]
# An interval of days needs seven of them (metrics/intervals): the seventh begins six after the first.
DAYS = 6
# Rules at which nothing moves by the passing of time alone.
HELD = frozenset({"paused", "nodes.behind", "stage.inconclusive"})


@dataclass(frozen=True)
class Outlook:
    """`because`: the rule that decides now, or that ended the rollout. `next`: the stage after this one, empty at the last.

    `earliest_ms`: when it goes on at the earliest; None where nobody can know. `latest_ms`: when the stage's patience ends: then
    `watch` is over, and another stage without its minimum sample is inconclusive. `missing`: requests to the minimum sample.
    """

    because: str
    safe: Safe
    next: str = ""
    earliest_ms: int | None = None
    latest_ms: int | None = None
    missing: int = 0


def outlook(rollout: Rollout, seen: Observed, unsaid: bool, known_after_ms: int, now_ms: int) -> Outlook:
    """Of a rollout as it stands. `unsaid`: a guard has not seen enough yet; `known_after_ms`: how late labels are known."""
    if rollout.state == "waiting":
        return Outlook("waiting", "unknown", rollout.spec.stages[0].kind)
    if rollout.state != "running":
        return Outlook(rollout.because, "over")
    spec, decision = rollout.spec, decide(rollout.spec, seen, now_ms)
    because, stage = decision.because, spec.stages[seen.stage]
    safe: Safe = "no" if isinstance(decision.do, Abort) else "unknown" if _unknown(because, unsaid, seen) else "yes"
    missing = max(0, stage.min_requests - seen.requests)
    return Outlook(
        because, safe, _next(spec, seen), _earliest(because, stage, seen, known_after_ms, now_ms), _latest(stage, seen), missing
    )


def _unknown(because: str, unsaid: bool, seen: Observed) -> bool:
    return seen.incumbent and (unsaid or because in ("nodes.behind", "stage.too_thin", "stage.inconclusive"))


def _next(spec: RolloutSpec, seen: Observed) -> str:
    return spec.stages[seen.stage + 1].kind if seen.stage + 1 < len(spec.stages) else ""


def _earliest(because: str, stage: Stage, seen: Observed, known_after_ms: int, now_ms: int) -> int | None:
    if because in HELD and because != "stage.inconclusive":
        return None
    if seen.entered_ms is None or because not in ("stage.running", "stage.too_thin", "stage.inconclusive"):
        return now_ms  # the rule lets it go on at the next look
    if stage.kind == "watch":
        return max(now_ms, min(seen.entered_ms + stage.for_ms, _first_verdict(seen.entered_ms, known_after_ms)))
    ripe = _ripe(stage, seen, now_ms)
    return None if ripe is None else max(ripe, seen.entered_ms + stage.for_ms)


def _first_verdict(entered_ms: int, known_after_ms: int) -> int:
    """When a row of the seventh day may have a mature label."""
    return entered_ms // DAY_MS * DAY_MS + DAYS * DAY_MS + known_after_ms


def _ripe(stage: Stage, seen: Observed, now_ms: int) -> int | None:
    """When the minimum sample is there at the rate so far; None where nothing came yet."""
    if seen.requests >= stage.min_requests:
        return now_ms
    elapsed = now_ms - (seen.entered_ms or now_ms)
    if not seen.requests or elapsed <= 0:
        return None
    return now_ms + round((stage.min_requests - seen.requests) * elapsed / seen.requests)


def _latest(stage: Stage, seen: Observed) -> int | None:
    if seen.entered_ms is None:
        return None
    over = stage.for_ms if stage.kind == "watch" else stage.max_ms
    return seen.entered_ms + over if over else None

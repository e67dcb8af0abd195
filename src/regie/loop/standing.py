"""Decide where a model stands in its loop, and whether somebody is needed there.

Pure: no clock, no database, no network. Times are business-clock milliseconds. Five stations, a table of rules each; the first rule
that holds wins, so what is broken or waits for a person stands above what goes on by itself. Everything is told from rows that are
there already: nothing of the prediction log is read, so that two hundred models are told at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Name = Literal["data", "run", "gates", "release", "watch"]
State = Literal["none", "quiet", "noted", "working", "waiting", "needs", "broken"]
Need = Literal["you", "somebody", "broken", "working", "quiet"]

# A retraining that the loop started and that failed leaves the loop broken; one by hand is its person's own matter.
BY_THE_LOOP = "system:react"
COMPARES = ("shadow", "canary")


@dataclass(frozen=True)
class Live:
    """The rollout that runs or waits. `entered_ms` is None until every live node answers by the stage's route."""

    state: str
    stage: str
    entered_ms: int | None
    for_ms: int
    max_ms: int
    paused: bool
    created_ms: int
    paused_ms: int | None = None


@dataclass(frozen=True)
class Observed:
    """What there is to see of one model. A time is None, and a word empty, where there is no such thing."""

    now_ms: int
    serves: bool = True
    trains: bool = True  # the file has a pipeline
    watches: bool = True  # the file promises the quality of production
    # data: the newest reading of each dataset
    contract_broken_ms: int | None = None
    snapshot_ms: int | None = None
    # run: the newest one
    run: str = ""
    run_by: str = ""
    run_ms: int | None = None
    # gates: the newest judgement, and a challenger without one
    gates: str = ""
    gates_because: str = ""
    gates_ms: int | None = None
    gates_next_ms: int = 0
    competes: bool = False  # the version of the newest judgement still does
    fresh_ms: int | None = None
    # release
    approval_ms: int | None = None
    approval_until_ms: int | None = None
    rollout: Live | None = None
    released: bool = False  # the version of the newest judgement had its rollout
    champion_ms: int | None = None
    # watch
    quality_ms: int | None = None
    drift_ms: int | None = None
    window_ms: int | None = None
    verdict: str = ""
    nodes: int = 0
    nodes_behind: int = 0
    node_failed: bool = False


@dataclass(frozen=True)
class Standing:
    """One station: its state, by which rule, since when, and until when where that is known."""

    station: Name
    state: State
    because: str
    since_ms: int | None = None
    until_ms: int | None = None


Time = Callable[[Observed], int | None]
Rule = tuple[str, Callable[[Observed], bool], State, Time]


def _nothing(seen: Observed) -> None:
    return None


def _asked_ms(seen: Observed) -> int | None:
    return seen.gates_ms if seen.fresh_ms is None else seen.fresh_ms


def _elapsed(seen: Observed) -> int:
    live = seen.rollout
    return seen.now_ms - live.entered_ms if live is not None and live.entered_ms is not None else 0


def _runs(seen: Observed, *stages: str) -> bool:
    live = seen.rollout
    return live is not None and live.state == "running" and (not stages or live.stage in stages)


def _stage_ms(seen: Observed) -> int | None:
    return (seen.rollout.entered_ms or seen.rollout.created_ms) if seen.rollout is not None else None


def _paused_ms(seen: Observed) -> int | None:
    return seen.rollout.paused_ms if seen.rollout is not None else None


def _outlasts(seen: Observed, limit: Literal["for_ms", "max_ms"]) -> bool:
    """A stage that compares, and whose time is over, waits for its minimum sample: else it would have been left."""
    live = seen.rollout
    return live is not None and _runs(seen, *COMPARES) and live.entered_ms is not None and _elapsed(seen) > getattr(live, limit)


DATA: tuple[Rule, ...] = (
    ("contract.broken",        lambda o: o.contract_broken_ms is not None,                        "broken",  lambda o: o.contract_broken_ms),
    ("data.kept",              lambda o: o.snapshot_ms is not None,                               "quiet",   lambda o: o.snapshot_ms),
    ("data.none",              lambda o: True,                                                    "none",    _nothing),
)  # fmt: skip
RUN: tuple[Rule, ...] = (
    ("run.running",            lambda o: o.run == "running",                                      "working", lambda o: o.run_ms),
    ("run.queued",             lambda o: o.run == "queued",                                       "waiting", lambda o: o.run_ms),
    ("run.failed",             lambda o: o.run == "failed" and o.run_by == BY_THE_LOOP,           "broken",  lambda o: o.run_ms),
    ("run.failed_by_hand",     lambda o: o.run == "failed",                                       "noted",   lambda o: o.run_ms),
    ("run.none",               lambda o: not o.run and o.trains and o.serves and not o.gates
                                         and o.champion_ms is None and o.fresh_ms is None,        "needs",   _nothing),
    ("run.cancelled",          lambda o: o.run == "cancelled",                                    "quiet",   lambda o: o.run_ms),
    ("run.finished",           lambda o: o.run == "finished",                                     "quiet",   lambda o: o.run_ms),
    ("run.elsewhere",          lambda o: True,                                                    "none",    _nothing),
)  # fmt: skip
GATES: tuple[Rule, ...] = (
    ("gates.judging",          lambda o: o.gates == "judging",                                    "working", lambda o: o.gates_ms),
    ("gates.rows_immature",    lambda o: o.gates == "waiting" and o.gates_next_ms > o.now_ms,     "waiting", lambda o: o.gates_ms),
    ("gates.next",             lambda o: o.gates == "waiting" or o.fresh_ms is not None,          "working", _asked_ms),
    ("evaluation.failed",      lambda o: o.gates_because.startswith("evaluation.failed"),         "noted",   lambda o: o.gates_ms),
    ("gates.failed",           lambda o: o.gates == "failed",                                     "quiet",   lambda o: o.gates_ms),
    ("gates.dropped",          lambda o: o.gates == "dropped",                                    "quiet",   lambda o: o.gates_ms),
    ("gates.passed",           lambda o: o.gates == "passed",                                     "quiet",   lambda o: o.gates_ms),
    ("gates.none",             lambda o: True,                                                    "none",    _nothing),
)  # fmt: skip
RELEASE: tuple[Rule, ...] = (
    ("approval.pending",       lambda o: o.approval_ms is not None,                               "needs",   lambda o: o.approval_ms),
    ("rollout.paused",         lambda o: o.rollout is not None and _runs(o) and o.rollout.paused, "needs",   _paused_ms),
    ("stage.inconclusive",     lambda o: _outlasts(o, "max_ms"),                                  "needs",   _stage_ms),
    ("stage.too_thin",         lambda o: _outlasts(o, "for_ms"),                                  "waiting", _stage_ms),
    ("stage.taken_up",         lambda o: o.rollout is not None and _runs(o, *COMPARES, "full")
                                         and o.rollout.entered_ms is None,                        "working", _stage_ms),
    ("stage.running",          lambda o: _runs(o, *COMPARES, "full"),                             "working", _stage_ms),
    ("rollout.waiting",        lambda o: o.rollout is not None and o.rollout.state == "waiting",  "waiting", _stage_ms),
    ("release.next",           lambda o: o.gates == "passed" and o.competes and not o.released,   "working", lambda o: o.gates_ms),
    ("champion.serves",        lambda o: o.champion_ms is not None,                               "quiet",   lambda o: o.champion_ms),
    ("champion.none",          lambda o: True,                                                    "none",    _nothing),
)  # fmt: skip
WATCH: tuple[Rule, ...] = (
    ("quality.breached",       lambda o: o.quality_ms is not None,                                "broken",  lambda o: o.quality_ms),
    ("champion.none",          lambda o: o.champion_ms is None,                                   "none",    _nothing),
    ("nodes.none",             lambda o: o.nodes == 0,                                            "broken",  _nothing),
    ("package.failed",         lambda o: o.node_failed,                                           "broken",  _nothing),
    ("nodes.behind",           lambda o: o.nodes_behind > 0,                                      "working", _nothing),
    ("drift.detected",         lambda o: o.drift_ms is not None,                                  "noted",   lambda o: o.drift_ms),
    ("stage.watch",            lambda o: _runs(o, "watch"),                                       "working", _stage_ms),
    ("quality.not_promised",   lambda o: not o.watches,                                           "none",    _nothing),
    ("window.none",            lambda o: o.window_ms is None,                                     "waiting", lambda o: o.champion_ms),
    ("quality.kept",           lambda o: o.verdict == "kept",                                     "quiet",   lambda o: o.window_ms),
    ("window.undecided",       lambda o: True,                                                    "quiet",   lambda o: o.window_ms),
)  # fmt: skip
STATIONS: tuple[tuple[Name, tuple[Rule, ...]], ...] = (
    ("data", DATA), ("run", RUN), ("gates", GATES), ("release", RELEASE), ("watch", WATCH),
)  # fmt: skip

# What is looked at first: of two stations in one state, the later one of the loop, for it is nearer to the users.
WEIGHT: dict[State, int] = {"needs": 6, "broken": 5, "waiting": 4, "working": 3, "noted": 2, "quiet": 1, "none": 0}
NEED: dict[State, Need] = {
    "needs": "somebody", "broken": "broken", "waiting": "working", "working": "working", "noted": "quiet", "quiet": "quiet",
    "none": "quiet",
}  # fmt: skip
ORDER: tuple[Need, ...] = ("you", "somebody", "broken", "working", "quiet")
# Whom a station waits for is said as an action; who may do it follows from the roles.
ASKS: dict[str, str] = {
    "approval.pending": "approval.grant", "rollout.paused": "rollout.resume", "stage.inconclusive": "rollout.abort",
    "run.none": "pipeline.run",
}  # fmt: skip


def stand(seen: Observed) -> tuple[Standing, ...]:
    """The five stations of a model, in the order of its loop."""
    return tuple(_of(name, rules, seen) for name, rules in STATIONS)


def foremost(stations: Sequence[Standing]) -> Standing:
    """The station that a person should look at first."""
    return max(enumerate(stations), key=lambda one: (WEIGHT[one[1].state], one[0]))[1]


def asks(seen: Observed) -> tuple[Standing, ...]:
    """Everything that waits for a person, also what another thing at the same station stands above: different people may answer."""
    held = ((name, rule) for name, rules in STATIONS for rule in rules if rule[2] == "needs" and rule[1](seen))
    return tuple(Standing(name, state, because, since(seen), _until(because, seen)) for name, (because, _, state, since) in held)


def _of(name: Name, rules: Sequence[Rule], seen: Observed) -> Standing:
    because, _, state, since = next(rule for rule in rules if rule[1](seen))
    return Standing(name, state, because, since(seen), _until(because, seen))


def _until(because: str, seen: Observed) -> int | None:
    """When a station goes on at the earliest, or must have been answered."""
    if because == "approval.pending":
        return seen.approval_until_ms
    if because == "gates.rows_immature":
        return seen.gates_next_ms
    live = seen.rollout
    if because in ("stage.running", "stage.watch") and live is not None and live.entered_ms is not None:
        return live.entered_ms + live.for_ms
    return None

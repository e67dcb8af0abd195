"""The causation chain of a version as the page of a model shows it: a link each, with the evidence that is stored for it."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from regie.app.pages.acts import Shown
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.loop import chain
from regie.loop.overview import kept_below
from regie.monitoring import queries as monitoring
from regie.pipelines import queries as pipelines
from regie.registry import queries as registry
from regie.rollout import queries as rollout
from regie.rollout.types import Rollout
from regie.spec.expressions import METRICS, parse
from regie.spec.scanner import Malformed
from regie.store import events
from regie.store.events import Event

SHOWN = 50  # gates, stages, candidates of one link
ROLLOUT_EVENTS = ("rollout.started", "rollout.stage_entered", "rollout.aborted")


class ChainBreach(Shown):
    """The window that broke its promise. `below`: whether it is kept below its bound."""

    monitor: str
    kind: str
    version: int
    from_ms: int | None
    to_ms: int | None
    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    below: bool
    rows: int
    coverage: float | None


class ChainRun(Shown):
    """The run that trained it: who or what began it, and of which data."""

    run_id: str
    pipeline: str
    state: str
    by: str
    reason: str
    snapshots: dict[str, str]


class ChainCandidate(Shown):
    """One candidate beside another one on an inner window: the gain and its interval, above zero where it is better."""

    candidate: int
    against: int
    gain: float | None
    low: float | None
    high: float | None
    better: bool | None


class ChainVersion(Shown):
    """The version that the run gave, and why this candidate became the challenger."""

    version: int
    role: str
    window: str
    rows: int | None
    seen_until_ms: int
    because: str
    compared: list[ChainCandidate]


class ChainEvidence(Shown):
    """One gate: the figure with its interval against the bound. `below`: whether it is kept below it."""

    gate: str
    metric: str
    kind: str
    verdict: str
    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    champion_value: float | None
    below: bool
    rows: int
    days: int


class ChainGates(Shown):
    """What the gates said, on which held-out rows, against which champion."""

    verdict: str
    champion: int | None
    from_ms: int | None
    to_ms: int | None
    rows: int | None
    evidence: list[ChainEvidence]


class ChainApproval(Shown):
    """A person's decision, or that nobody took one."""

    state: str
    role: str
    by: str
    reason: str
    requested_ms: int
    deadline_ms: int | None
    decided_ms: int | None


class ChainStage(Shown):
    """One stage of the rollout; `entered_ms` is None where it was not, or not yet, entered."""

    kind: str
    share: float | None
    for_ms: int
    entered_ms: int | None
    left_ms: int | None
    state: Literal["done", "now", "ahead", "aborted"]


class ChainRollout(Shown):
    """The rollout: its stages and guards, and the broken guard with its figure where it was aborted for one."""

    id: str
    version: int
    incumbent: int | None
    state: str
    because: str
    paused: bool
    guards: list[str]
    broken: str
    value: float | None
    ended_ms: int | None
    stages: list[ChainStage]


class ChainCrown(Shown):
    """The crown; `former`: who was champion before."""

    endpoint: str
    environment: str
    version: int
    former: int | None


class ChainRollback(Shown):
    """A person's way back."""

    by: str
    reason: str
    from_version: int
    to: int


class ChainLink(Shown):
    """One link, the oldest first in the chain. `because`: the rule or the words of the event; one part holds its evidence."""

    kind: chain.Kind
    type: str
    event: str
    subject: str
    because: str
    time_ms: int
    until_ms: int
    breach: ChainBreach | None = None
    run: ChainRun | None = None
    registered: ChainVersion | None = None
    judged: ChainGates | None = None
    approved: ChainApproval | None = None
    released: ChainRollout | None = None
    crowned: ChainCrown | None = None
    rolled_back: ChainRollback | None = None


def links_of(db: Connection, here: str, newest_first: Sequence[Event]) -> list[ChainLink]:
    """A chain of events as links, the oldest first."""
    return [_link(db, here, one) for one in chain.links(newest_first)]


def _link(db: Connection, here: str, link: chain.Link) -> ChainLink:
    part = PARTS.get(link.kind)
    found = part[1](db, here, link) if part is not None else None
    more: dict[str, Any] = {part[0]: found} if part is not None and found is not None else {}
    return ChainLink(
        kind=link.kind, type=link.last.type, event=link.last.id, subject=link.last.subject,
        because=str(link.last.data.get("because", "")), time_ms=link.first.time_ms, until_ms=link.last.time_ms, **more,
    )  # fmt: skip


def _breach(db: Connection, here: str, link: chain.Link) -> ChainBreach | None:
    row = monitoring.breach(db, here, str(link.last.data.get("breach", "")))
    signal = monitoring.signal(db, row.signal) if row is not None else None
    if row is None or signal is None:
        return None
    figures = {name: signal[name] for name in ("from_ms", "to_ms", "value", "low", "high", "bound", "rows", "coverage")}
    below = kept_below(row.monitor) if row.kind == "quality" else True
    return ChainBreach(monitor=row.monitor, kind=row.kind, version=row.version, below=below, **figures)


def _run(db: Connection, here: str, link: chain.Link) -> ChainRun | None:
    try:
        run = pipelines.run(db, link.last.subject, here)
    except NotFound:
        return None
    facts = {name: run[name] for name in ("run_id", "pipeline", "state", "by", "reason")}
    return ChainRun(**facts, snapshots=run["snapshots"] or {})


def _registered(db: Connection, here: str, link: chain.Link) -> ChainVersion | None:
    model, _, number = link.last.subject.rpartition("@")
    try:
        version = registry.version(db, here, model, int(number))
    except (NotFound, ValueError):
        return None
    try:
        result = pipelines.run(db, version.run_id, here)["result"] or {}
    except NotFound:
        result = {}
    rows = registry.tags_of(db, here, [version])[model, version.version].get("regie.rows", "")
    compared = [_compared(one) for one in result.get("compared") or []]
    return ChainVersion(
        version=version.version, role=str(link.last.data.get("role", "")), window=version.window,
        rows=int(rows) if rows.isdigit() else None, seen_until_ms=version.seen_until_ms, because=str(result.get("because") or ""),
        compared=compared[:SHOWN],
    )  # fmt: skip


def _compared(one: dict[str, Any]) -> ChainCandidate:
    low, high = one.get("low"), one.get("high")
    better = True if low is not None and low > 0 else False if high is not None and high < 0 else None
    return ChainCandidate(
        candidate=one.get("candidate", 0), against=one.get("against", 0), gain=one.get("gain"), low=low, high=high, better=better
    )


def _judged(db: Connection, here: str, link: chain.Link) -> ChainGates | None:
    model, _, number = link.last.subject.rpartition("@")
    if not number.isdigit():
        return None
    # Every judgement of a version has its own evidence, stored in the same change as its event.
    found = [one for one in gates.evidence_of(db, here, model, int(number)) if one["judged_ms"] == link.last.time_ms]
    holdout = found[0]["holdout"] if found else {}
    return ChainGates(
        verdict=link.last.type.partition(".")[2], champion=link.last.data.get("champion"), from_ms=holdout.get("from_ms"),
        to_ms=holdout.get("to_ms"), rows=holdout.get("rows"), evidence=[_evidence(one) for one in found[:SHOWN]],
    )  # fmt: skip


def _evidence(one: dict[str, Any]) -> ChainEvidence:
    try:
        gate = parse(one["gate"])
        metric, kind, below = gate.subject, METRICS[gate.metric].kind, gate.operator[0] == "<"
    except Malformed:  # of an older or a later grammar: it speaks for itself
        metric, kind, below = one["gate"], "number", True
    figures = {name: one[name] for name in ("gate", "verdict", "value", "low", "high", "bound", "champion_value", "rows")}
    return ChainEvidence(metric=metric, kind=kind, below=below, days=one["blocks"], **figures)


def _approved(db: Connection, here: str, link: chain.Link) -> ChainApproval | None:
    found = gates.approvals_of(db, here, id=str(link.last.data.get("approval", "")), limit=1)
    if not found:
        return None
    one = found[0]
    return ChainApproval(
        state=one.state, role=one.role, by=one.decided_by, reason=one.reason, requested_ms=one.requested_ms,
        deadline_ms=one.deadline_ms, decided_ms=one.decided_ms,
    )  # fmt: skip


def _released(db: Connection, here: str, link: chain.Link) -> ChainRollout | None:
    try:
        one = rollout.rollout(db, link.last.subject, here)
    except NotFound:
        return None
    told = list(reversed(events.latest(db, here, ROLLOUT_EVENTS, one.id, SHOWN)))
    broken = told[-1].data if told and told[-1].type == "rollout.aborted" else {}
    return ChainRollout(
        id=one.id, version=one.version, incumbent=one.incumbent, state=one.state, because=one.because, paused=one.paused,
        guards=list(one.spec.guards), broken=str(broken.get("guard", "")), value=broken.get("value"), ended_ms=one.ended_ms,
        stages=_stages(one, told),
    )  # fmt: skip


def _stages(one: Rollout, told: Sequence[Event]) -> list[ChainStage]:
    """The promised stages, with the times at which they were entered."""
    # A stage's time begins when the nodes have taken it up; its place in the story, when the rollout came to it.
    entered = [event.time_ms for event in told if event.type in ("rollout.started", "rollout.stage_entered")]
    found = []
    for at, stage in enumerate(one.spec.stages):
        began = entered[at] if at < len(entered) else None
        left = entered[at + 1] if at + 1 < len(entered) else one.ended_ms if began is not None else None
        found.append(
            ChainStage(
                kind=stage.kind, share=stage.share if stage.kind == "canary" else None, for_ms=stage.for_ms, entered_ms=began,
                left_ms=left, state=_state(one, at, began),
            )
        )  # fmt: skip
    return found


def _state(one: Rollout, at: int, began: int | None) -> Literal["done", "now", "ahead", "aborted"]:
    if began is None:
        return "ahead"
    if at < one.stage or one.state == "finished":
        return "done"
    return "aborted" if one.state == "aborted" else "now"


def _crowned(db: Connection, here: str, link: chain.Link) -> ChainCrown | None:
    said = link.last.data
    version = link.last.subject.rpartition("@")[2]
    if not version.isdigit():
        return None
    return ChainCrown(
        endpoint=str(said.get("endpoint", "")), environment=str(said.get("environment", "")), version=int(version),
        former=said.get("former_version"),
    )  # fmt: skip


def _rolled_back(db: Connection, here: str, link: chain.Link) -> ChainRollback | None:
    said = link.last.data
    if not isinstance(said.get("version"), int) or not isinstance(said.get("to"), int):
        return None
    return ChainRollback(
        by=str(said.get("by", "")), reason=str(said.get("reason", "")), from_version=said["version"], to=said["to"]
    )


PARTS: dict[str, tuple[str, Any]] = {
    "breach": ("breach", _breach), "run": ("run", _run), "registered": ("registered", _registered), "gates": ("judged", _judged),
    "approval": ("approved", _approved), "rollout": ("released", _released), "crowned": ("crowned", _crowned),
    "origin": ("crowned", _crowned), "rolled_back": ("rolled_back", _rolled_back),
}  # fmt: skip

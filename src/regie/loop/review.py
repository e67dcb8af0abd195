"""What a person sees before deciding on a version: the evidence as intervals against their bounds, and who may decide.

Nothing is judged here: verdicts are the gates', and whether a difference is better is what its interval says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from regie.gates import queries as gates
from regie.gates.approvals import Approval
from regie.loop import approve
from regie.loop.approve import Barred
from regie.loop.scene import Scene
from regie.spec.expressions import parse
from regie.spec.scanner import Malformed
from regie.store import actors
from regie.store.types import Actor

MOST_PEOPLE = 50
GRANT = "approval.grant"


@dataclass(frozen=True)
class Gate:
    """One gate's result. `breaks`: the side of the bound on which the promise is broken.

    `difference`, from the champion on the same rows, is signed so that higher is better, with its interval; `better` is None where that
    holds zero. `groups`: the figure of each group, where the gate looks at groups; `too_few`: those with too few rows.
    """

    gate: str
    metric: str
    verdict: str
    because: str
    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    breaks: Literal["above", "below"] | None
    unit: str
    champion: int | None
    champion_value: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    better: bool | None
    rows: int
    blocks: int
    from_ms: int | None
    to_ms: int | None
    groups: Mapping[str, float | None] = field(default_factory=dict)
    too_few: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decider:
    """One person who holds the role, or who asks, and why they may not decide; None where they may."""

    name: str
    barred: Barred | None


def evidence(db: Connection, one: Approval) -> list[Gate]:
    """The judgement that an approval speaks of, in the order of the gates."""
    found = gates.evidence_of(db, one.workspace, one.model, one.version)
    return [gate(row) for row in found if row["attempt"] == one.about.attempt]


def gate(row: Mapping[str, Any]) -> Gate:
    """From a row of evidence."""
    detail, holdout = row["detail"], row["holdout"]
    low, high = detail.get("difference_low"), detail.get("difference_high")
    metric, breaks = _of(row["gate"])
    names = ("gate", "verdict", "value", "low", "high", "bound", "champion", "champion_value", "rows", "blocks")
    return Gate(
        **{name: row[name] for name in names}, metric=metric, breaks=breaks, because=str(detail.get("because", "")),
        unit=str(detail.get("unit", "")), difference=detail.get("difference"), difference_low=low, difference_high=high,
        better=_better(low, high), from_ms=holdout.get("from_ms"), to_ms=holdout.get("to_ms"),
        groups=detail.get("groups", {}), too_few=tuple(map(str, detail.get("too_few", ()))),
    )  # fmt: skip


def _better(low: float | None, high: float | None) -> bool | None:
    if low is None or high is None:
        return None
    return True if low > 0 else False if high < 0 else None


def _of(text: str) -> tuple[str, Literal["above", "below"] | None]:
    """What a gate measures, and the side on which it breaks."""
    try:
        found = parse(text)
    except Malformed:  # a gate of another version of the grammar
        return text, None
    return found.subject, "above" if found.operator[0] == "<" else "below" if found.operator[0] == ">" else None


def deciders(scene: Scene, db: Connection, one: Approval, asks: Actor) -> list[Decider]:
    """Whoever asks first, then those who hold the role: those who may before those who may not."""
    names = [name for name in actors.holders(db, scene.workspace, one.role) if name != asks.name][:MOST_PEOPLE]
    people = [asks, *(Actor(name, frozenset({one.role})) for name in names)]
    found = [Decider(who.name, approve.barred(scene, db, who, GRANT, one)) for who in people]
    return [found[0], *sorted(found[1:], key=lambda who: (who.barred is not None, who.name))]

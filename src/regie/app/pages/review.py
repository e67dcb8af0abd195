"""Review: should this go live? What waits for a decision of the caller's, and one version with all that speaks for and against it.

The list is over every workspace that the caller sees. Times are business milliseconds of the row's own workspace.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection

from regie.app.api.approvals import named
from regie.app.api.status import scene_of
from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Act, Shown, Why, act
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.gates.approvals import Approval
from regie.loop import approve, dossier, review
from regie.loop.review import Gate
from regie.loop.scene import Scene, scene
from regie.registry import queries as registry
from regie.rollout import queries as rollouts

router = APIRouter(tags=["pages"])
USUAL, MOST = 30, 200
MOST_HISTORY = 20
State = Literal["pending", "granted", "refused", "expired", "superseded"]
Thing = Literal["package", "code", "lock", "window", "seen_until", "snapshot", "param"]
THINGS: dict[str, Thing] = {
    "package": "package", "code": "code", "lock": "lock", "window": "window", "seen_until_ms": "seen_until",
}  # fmt: skip


class ReviewGate(Shown):
    """One gate's result: `value` with its interval against `bound`; a promise is broken on the side `breaks`.

    `difference` from the champion on the same rows is signed so that higher is better; `better` is null where its interval holds zero.
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
    groups: dict[str, float | None]
    too_few: list[str]

    @classmethod
    def of(cls, one: Gate) -> "ReviewGate":
        return cls(**{**vars(one), "groups": dict(one.groups), "too_few": list(one.too_few)})


class ReviewWaiting(Shown):
    """A version that waits for a person. `why`: why the caller may not decide; null where they may. `deciders`: who may."""

    workspace: str
    model: str
    version: int
    environment: str
    role: str
    because: str
    requested_ms: int
    deadline_ms: int
    now_ms: int
    champion: int | None
    passed: int
    gates: int
    foremost: ReviewGate | None
    why: Why | None
    deciders: list[str]


class ReviewDecided(Shown):
    """A question that is over."""

    workspace: str
    model: str
    version: int
    environment: str
    state: State
    requested_ms: int
    decided_ms: int | None
    decided_by: str
    reason: str
    because: str


class ReviewList(Shown):
    """`more`: older decisions are there."""

    mine: list[ReviewWaiting]
    others: list[ReviewWaiting]
    decided: list[ReviewDecided]
    more: bool


class ReviewDifference(Shown):
    """What is not as in the champion. `name`: of a parameter or dataset. Values are digests but for parameters, windows and times."""

    thing: Thing
    name: str
    champion: str | int | float | bool | None
    version: str | int | float | bool | None


class ReviewAuthor(Shown):
    """Who made the version; `deed`: the first thing that makes an author of them; `of`: the other version of the same package."""

    name: str
    deed: str
    of: str


class ReviewPerson(Shown):
    """Who asks, and who holds the role; `why` not, or null where they may decide."""

    name: str
    you: bool
    why: Why | None


class ReviewNext(Shown):
    """What follows: the stages that a rollout would go through, and the rollout of this version, once there is one."""

    stages: list[str]
    rollout: str | None
    rollout_state: str | None
    stage: str | None


class ReviewPage(Shown):
    """One version, the question about it and all that speaks for and against it."""

    workspace: str
    model: str
    version: int
    environment: str
    now_ms: int
    approval: str
    state: State
    role: str
    because: str
    requested_ms: int
    deadline_ms: int
    decided_ms: int | None
    decided_by: str
    reason: str
    champion: int | None
    run_id: str
    champion_run_id: str | None
    description: str
    evidence: list[ReviewGate]
    differences: list[ReviewDifference]
    authors: list[ReviewAuthor]
    people: list[ReviewPerson]
    history: list[ReviewDecided]
    next: ReviewNext
    grant: Act
    refuse: Act


@router.get("/api/v1/pages/review", response_model=ReviewList)
def waiting(caller: Caller, request: Request, limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL) -> ReviewList:
    """What waits for the caller, then what waits for others, then what was decided, newest first."""
    places = {one.workspace: one for one in caller.places() if one.could("approval.read", one.workspace)}
    with caller.store.read() as db:
        asked = [_waiting(db, places[one.workspace], request, one) for one in gates.pending(db, list(places))]
        decided = gates.ended(db, list(places), limit + 1)
    rows = sorted((one for one in asked if one is not None), key=lambda one: one.deadline_ms - one.now_ms)
    return ReviewList(
        mine=[one for one in rows if one.why is None], others=[one for one in rows if one.why is not None],
        decided=[_decided(one) for one in decided[:limit]], more=len(decided) > limit,
    )  # fmt: skip


@router.get("/api/v1/pages/review/{version}", response_model=ReviewPage)
def shown(version: str, caller: Caller, request: Request) -> ReviewPage:
    """The newest question about a version. Raises NotFound where none was ever asked."""
    model, number = named(version)
    here = scene_of(caller, request)
    with caller.read("approval.read", version) as db:
        found = registry.version(db, caller.workspace, model, number)
        one = gates.approval(db, caller.workspace, here.environment, model, number)
        if one is None:
            raise NotFound(f"no approval was ever asked for {version}", caller.workspace, "regie approval list")
        about = {name: getattr(one, name) for name in _QUESTION}
        champion = registry.version(db, caller.workspace, model, one.about.champion) if one.about.champion is not None else None
        people = review.deciders(here, db, one, caller.actor)
        why = _closed(one, here.now_ms()) or (_barred(people[0].barred, one) if people[0].barred else None)
        return ReviewPage(
            **about, now_ms=here.now_ms(), approval=one.id, champion=one.about.champion, run_id=found.run_id,
            champion_run_id=champion.run_id if champion else None, description=found.description or "",
            evidence=[ReviewGate.of(each) for each in review.evidence(db, one)], differences=_differences(here, db, one),
            authors=[ReviewAuthor(name=name, deed=why.deed, of=why.of) for name, why in dossier.authorships(db, one).items()],
            people=[
                ReviewPerson(name=who.name, you=place == 0, why=_barred(who.barred, one) if who.barred else None)
                for place, who in enumerate(people)
            ],
            history=[_decided(each) for each in gates.approvals_of(db, one.workspace, package=one.about.package, limit=MOST_HISTORY)],
            next=_next(here, db, one), grant=_act(caller, "grant", one, why), refuse=_act(caller, "refuse", one, why),
        )  # fmt: skip


_QUESTION = (
    "workspace", "model", "version", "environment", "state", "role", "because", "requested_ms", "deadline_ms", "decided_ms",
    "decided_by", "reason",
)  # fmt: skip


def _waiting(db: Connection, caller: CallerOf, request: Request, one: Approval) -> ReviewWaiting | None:
    """None where the file that asks was taken away in this moment."""
    here = scene(caller.store, request.app.state.predictions, one.workspace)
    if here is None:
        return None
    judged = review.evidence(db, one)
    people = review.deciders(here, db, one, caller.actor)
    names = ("workspace", "model", "version", "environment", "role", "because", "requested_ms", "deadline_ms")
    return ReviewWaiting(
        **{name: getattr(one, name) for name in names}, now_ms=here.now_ms(), champion=one.about.champion,
        passed=sum(gate.verdict == "passed" for gate in judged), gates=len(judged), foremost=_foremost(judged),
        why=_barred(people[0].barred, one) if people[0].barred else None,
        deciders=[who.name for who in people if who.barred is None],
    )  # fmt: skip


def _foremost(judged: Iterable[Gate]) -> ReviewGate | None:
    """The gate that says most of a version: the comparison with the champion, else the first one."""
    found = sorted(judged, key=lambda one: one.difference is None)
    return ReviewGate.of(found[0]) if found else None


def _decided(one: Approval) -> ReviewDecided:
    return ReviewDecided(**{name: getattr(one, name) for name in ReviewDecided.model_fields})


def _barred(barred: approve.Barred, one: Approval) -> Why:
    return Why(code=f"review.{barred.code}", values={"role": one.role, "deed": barred.deed, "of": barred.of})


def _closed(one: Approval, now_ms: int) -> Why | None:
    """Why nobody answers any more."""
    if one.state != "pending":
        return Why(code=f"review.{one.state}", values={"by": one.decided_by, "at_ms": one.decided_ms, "because": one.because})
    return Why(code="review.too_late", values={"at_ms": one.deadline_ms}) if now_ms >= one.deadline_ms else None


def _act(caller: CallerOf, verb: str, one: Approval, why: Why | None) -> Act:
    command = f"regie approval {verb} {one.subject} -w {one.workspace} --reason '...'"
    return act(caller, f"approval.{verb}", one.subject, f"/api/v1/approvals/{one.subject}/{verb}", command, unless=why)


def _differences(here: Scene, db: Connection, one: Approval) -> list[ReviewDifference]:
    found = dossier.differences(here, db, one)
    return [_difference(name, both) for name, both in found.items() if name != "seen_until_ms" or both["version"] is not None]


def _difference(name: str, both: dict[str, Any]) -> ReviewDifference:
    kind, _, rest = name.partition(" ")
    thing = THINGS.get(name) or ("snapshot" if kind == "snapshot" else "param")
    champion, version = both["champion"], both["version"]
    return ReviewDifference(thing=thing, name=rest, champion=_plain(champion), version=_plain(version))


def _plain(value: Any) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _next(here: Scene, db: Connection, one: Approval) -> ReviewNext:
    stages = [str(stage.text) for stage in here.serves.rollout] if here.serves else []
    had = rollouts.of_version(db, one.workspace, one.model, one.version)
    last = had[0] if had and one.state == "granted" else None
    return ReviewNext(
        stages=stages, rollout=last.id if last else None, rollout_state=last.state if last else None,
        stage=last.current.kind if last else None,
    )  # fmt: skip

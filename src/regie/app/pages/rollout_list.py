"""All rollouts of a workspace, by state: what runs, what waits, and how each other one ended, and why. At most `MOST` in one answer."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Shown
from regie.rollout import queries
from regie.rollout.types import Rollout
from regie.spec.expressions import METRICS, parse
from regie.store import events
from regie.store.change import business_now
from regie.store.events import Event

router = APIRouter()
MOST = 50
State = Literal["waiting", "running", "finished", "aborted", "superseded"]


class RolloutBrief(Shown):
    """One rollout. `reached`: the stage it is in, or ended in, as its number. `guard`, `figure`: what broke (`figure_kind`: fraction,
    time in milliseconds, or number); `by`, `reason`: of a person."""

    id: str
    endpoint: str
    environment: str
    model: str
    version: int
    incumbent: int | None
    state: str
    paused: bool
    stages: list[str]
    reached: int
    because: str
    guard: str
    figure: float | None
    figure_kind: str
    by: str
    reason: str
    created_ms: int
    started_ms: int | None
    ended_ms: int | None


class RolloutsPage(Shown):
    """Newest first. `counts`: by state, of all. `before`: the id that leads to older ones, None at the end."""

    workspace: str
    now_ms: int
    state: State | None
    counts: dict[str, int]
    rollouts: list[RolloutBrief]
    before: str | None


@router.get("/api/v1/pages/rollouts")
def listed(
    caller: Caller,
    state: State | None = None,
    before: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> RolloutsPage:
    """A page of them."""
    with caller.read("rollout.read", caller.workspace) as db:
        found = queries.page(db, caller.workspace, state, before, limit + 1)
        more, found = len(found) > limit, found[:limit]
        return RolloutsPage(
            workspace=caller.workspace, now_ms=business_now(db, caller.workspace), state=state,
            counts=queries.by_state(db, caller.workspace), rollouts=_briefs(caller, db, found), before=found[-1].id if more else None,
        )  # fmt: skip


def _briefs(caller: CallerOf, db: Connection, found: list[Rollout]) -> list[RolloutBrief]:
    aborted = [one.id for one in found if one.state == "aborted"]
    ended = events.newest_of_each(db, caller.workspace, "rollout.aborted", aborted)
    causes = events.by_ids(db, [event.causationid for event in ended.values()])
    return [_brief(one, ended.get(one.id), causes) for one in found]


def _brief(found: Rollout, ended: Event | None, causes: dict[str, Event]) -> RolloutBrief:
    names = (
        "id", "endpoint", "environment", "model", "version", "incumbent", "state", "paused", "because", "created_ms", "started_ms",
        "ended_ms",
    )  # fmt: skip
    data = dict(ended.data) if ended else {}
    cause = causes.get(ended.causationid) if ended else None
    if cause is not None and cause.type == "model.rolled_back":
        data = {"by": cause.data.get("by"), "reason": cause.data.get("reason")} | data
    guard = str(data.get("guard") or "")
    return RolloutBrief(
        **{name: getattr(found, name) for name in names}, stages=[stage.kind for stage in found.spec.stages], reached=found.stage,
        guard=guard, figure=data.get("value"), figure_kind=_kind(guard), by=str(data.get("by") or ""),
        reason=str(data.get("reason") or ""),
    )  # fmt: skip


def _kind(guards: str) -> str:
    """Of the first of the guards that broke: the figure is its own."""
    return METRICS[parse(guards.split(", ")[0]).metric].kind if guards else ""

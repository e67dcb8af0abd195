"""What a person may do to a release by hand: end a rollout, and go back to the former champion.

Nothing here can bring a version forward: a rollback leads to the version that was champion before, and the one that it takes the
crown from never comes back by itself, for its rollout is over. A second rollback goes one further back, never forward. No approval
is asked: the version passed its gates and its approval when it was released.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from regie.base.errors import BadInput, Conflict, NotFound
from regie.loop import release
from regie.registry import crown
from regie.registry import queries as registry
from regie.registry.tables import champions
from regie.registry.types import Champion
from regie.rollout import queries, routes
from regie.rollout.types import Rollout
from regie.store.change import Change, Store, caused
from regie.store.types import Actor, Cause

BECAUSE = "by.hand"
OVERTAKEN = "champion.rolled_back"  # a rollout against a champion that lost its crown compares with the wrong version
ARCHIVED = "Archived"


@dataclass(frozen=True)
class Step:
    """One step back: from the champion to the one before it. `rollout`: what runs at the endpoint, and is ended by it."""

    champion: Champion
    to: int
    former: int | None  # who stands behind the restored champion then
    rollout: Rollout | None


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did. `generation`: of the route that every node takes up now; `event`: of `model.rolled_back`."""

    step: Step
    generation: int
    event: str


def plan(db: Connection, workspace: str, model: str, endpoint: str | None = None) -> Step:
    """What a rollback would do now. Raises NotFound, Conflict: why there is nothing to go back to."""
    crowned = _crowned(db, workspace, model, endpoint)
    running = queries.running(db, workspace, crowned.endpoint)
    to = crowned.former_version
    if to is None:
        raise Conflict(
            f"version {crowned.version} of {model} has no former champion", f"endpoint {crowned.endpoint}", _instead(running)
        )
    _usable(db, workspace, model, to)
    return Step(crowned, to, queries.before(db, crowned, to), running)


def rollback(
    store: Store, actor: Actor, workspace: str, model: str, reason: str, *, endpoint: str | None = None, seen: int | None = None
) -> RolledBack:  # fmt: skip
    """Crown the former champion again and send it all traffic, in one change. Raises NotFound, Conflict, NotAllowed.

    While the champion's own rollout is in `full` or `watch` this is the same deed as its abort; a rollout of a newer challenger,
    which was compared with the version that goes, is aborted in the same change. `seen`: the champion that the person saw, so that
    of two people who roll back at once one is refused, rather than both going two steps.
    """
    with store.change(actor, "model.rollback", model, reason, workspace=workspace) as tx:
        place = _crowned(tx.connection, workspace, model, endpoint)
        crown.hold(tx, place.endpoint, place.environment)
        step = plan(tx.connection, workspace, model, place.endpoint)
        if seen not in (None, step.champion.version):
            raise Conflict(
                f"version {step.champion.version} of {model} is champion, not version {seen}: somebody was here first", workspace,
                "look again: regie status",
            )  # fmt: skip
        rolled = tx.event(
            "model.rolled_back", f"{model}@{step.champion.version}", cause=caused(step.champion), because=BECAUSE, reason=reason,
            by=actor.name, endpoint=place.endpoint, environment=place.environment, version=step.champion.version, to=step.to,
            rollout=step.rollout.id if step.rollout else None,
        )  # fmt: skip
        _carry_out(tx, step, rolled)
        wanted = queries.route(tx.connection, workspace, place.endpoint)
        return RolledBack(step, wanted.generation if wanted else 0, rolled.causationid)


def _carry_out(tx: Change, step: Step, rolled: Cause) -> None:
    champion, running = step.champion, step.rollout
    own = running is not None and running.version == champion.version
    if running is not None:
        release.abort(tx, running, BECAUSE if own else OVERTAKEN, rolled)
    if own:
        return  # the abort gave crown and traffic back
    crowned = crown.restore(tx, champion, step.to, step.former, champion.rollout_id, rolled)
    table = routes.variants(None, step.to, None, None)
    routes.want(tx, champion.endpoint, champion.environment, champion.model, table, crowned)


def abort(store: Store, actor: Actor, workspace: str, rollout_id: str, reason: str) -> None:
    """A person's `regie rollout abort`: the same deed as a broken guard's, under that person's name. One that waits is withdrawn.

    Raises NotFound, Conflict, NotAllowed.
    """
    with store.change(actor, "rollout.abort", rollout_id, reason, workspace=workspace) as tx:
        seen = queries.rollout(tx.connection, rollout_id, workspace)
        crown.hold(tx, seen.endpoint, seen.environment)
        seen = queries.rollout(tx.connection, rollout_id, workspace)
        if not release.abort(tx, seen, BECAUSE):
            raise ended(queries.rollout(tx.connection, rollout_id, workspace), "abort")


def ended(seen: Rollout, word: str) -> Conflict:
    """Why a command comes too late, or too early, for a rollout."""
    what = {"waiting": "it waits, and has not begun", "running": "it runs"}.get(
        seen.state, f"it is {seen.state} ({seen.because})"
    )
    if seen.state == "running" and word in ("pause", "resume"):
        what = "it is paused already" if seen.paused else "it is not paused"
    do = "regie rollout abort withdraws it" if seen.state == "waiting" else "regie rollout list"
    return Conflict(f"rollout {seen.id} cannot {word}: {what}", f"{seen.model}@{seen.version}", do)


def _crowned(db: Connection, workspace: str, model: str, endpoint: str | None) -> Champion:
    """The one champion that is meant. Raises NotFound, Conflict."""
    _known(db, workspace, model)
    query = select(champions).where(champions.c.workspace == workspace, champions.c.model == model)
    rows = [Champion(**row._mapping) for row in db.execute(query.order_by(champions.c.endpoint))]
    found = [one for one in rows if endpoint in (None, one.endpoint)]
    if rows and not found:
        raise NotFound(f"{model} is not champion of {endpoint!r}", workspace, f"--endpoint {rows[0].endpoint}")
    if not found:
        raise Conflict(f"no version of {model} is champion", workspace, "regie status")
    if len(found) > 1:
        names = ", ".join(one.endpoint for one in found)
        raise Conflict(f"{model} is champion of several endpoints: {names}", workspace, "name one: --endpoint NAME")
    return found[0]


def _known(db: Connection, workspace: str, model: str) -> None:
    name, _, version = model.partition("@")
    if version:
        raise BadInput(
            f"{model!r} names a version: a rollback leads to the former champion, whichever that is", workspace,
            f"regie model rollback {name}",
        )  # fmt: skip
    registry.model(db, workspace, model)


def _usable(db: Connection, workspace: str, model: str, number: int) -> None:
    """The former champion must be there as it was. Raises Conflict."""
    try:
        found = registry.version(db, workspace, model, number)
    except NotFound:
        raise Conflict(f"version {number} of {model}, the former champion, was deleted", workspace, "train a new one") from None
    if found.stage == ARCHIVED:
        raise Conflict(f"version {number} of {model}, the former champion, is archived", workspace, "train a new one")


def _instead(running: Rollout | None) -> str:
    return f"regie rollout abort {running.id}" if running else "a new version can replace it: regie pipeline run"

"""What a person may do to a release by hand: end a rollout, and go back to the former champion.

Nothing here can bring a version forward: a rollback leads to the version that was champion before, and the one that it takes the
crown from never comes back by itself, for its rollout is over. A second rollback goes one further back, never forward. No approval
is asked: the version passed its gates and its approval when it was released.
"""

from dataclasses import dataclass

from regie.base.errors import Conflict
from regie.loop import release
from regie.loop.step_back import Step as Step
from regie.loop.step_back import crowned_at
from regie.loop.step_back import plan as plan
from regie.registry import crown
from regie.rollout import queries, routes
from regie.rollout.types import Rollout
from regie.store.change import Change, Store, caused
from regie.store.types import Actor, Cause

BECAUSE = "by.hand"
OVERTAKEN = "champion.rolled_back"  # a rollout against a champion that lost its crown compares with the wrong version


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did. `generation`: of the route that every node takes up now; `event`: of `model.rolled_back`."""

    step: Step
    generation: int
    event: str


def rollback(
    store: Store, actor: Actor, workspace: str, model: str, reason: str, *, endpoint: str | None = None, seen: int | None = None
) -> RolledBack:  # fmt: skip
    """Crown the former champion again and send it all traffic, in one change. Raises NotFound, Conflict, NotAllowed.

    While the champion's own rollout is in `full` or `watch` this is the same deed as its abort; a rollout of a newer challenger,
    which was compared with the version that goes, is aborted in the same change. `seen`: the champion that the person saw, so that
    of two people who roll back at once one is refused, rather than both going two steps.
    """
    with store.change(actor, "model.rollback", model, reason, workspace=workspace) as tx:
        place = crowned_at(tx.connection, workspace, model, endpoint)
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
        if not release.abort(tx, seen, BECAUSE, by=actor.name, reason=reason):
            raise ended(queries.rollout(tx.connection, rollout_id, workspace), "abort")


def ended(seen: Rollout, word: str) -> Conflict:
    """Why a command comes too late, or too early, for a rollout."""
    what = {"waiting": "it waits, and has not begun", "running": "it runs"}.get(
        seen.state, f"it is {seen.state} ({seen.because})"
    )
    if seen.state == "running" and word in ("pause", "resume"):
        what = "it is paused already" if seen.paused else "it is not paused"
    do = "`regie rollout abort` withdraws it" if seen.state == "waiting" else "regie rollout list"
    return Conflict(f"rollout {seen.id} cannot {word}: {what}", f"{seen.model}@{seen.version}", do)

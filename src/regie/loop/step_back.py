"""The way back: the champion before this one, and why there is none to go back to.

Which version that is nobody chooses: it is the one that was champion before.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from regie.base.errors import BadInput, Conflict, NotFound
from regie.registry import queries as registry
from regie.registry.tables import champions
from regie.registry.types import Champion
from regie.rollout import queries
from regie.rollout.types import Rollout

ARCHIVED = "Archived"


class NoWayBack(Conflict):
    """There is nothing to go back to; `rule` names why, `values` go into its sentence."""

    def __init__(self, rule: str, what: str, where: str, do: str, **values: int) -> None:
        super().__init__(what, where, do)
        self.rule, self.values = rule, values


@dataclass(frozen=True)
class Step:
    """One step back: from the champion to the one before it. `rollout`: what runs at the endpoint, and is ended by it."""

    champion: Champion
    to: int
    former: int | None  # who stands behind the restored champion then
    rollout: Rollout | None


def plan(db: Connection, workspace: str, model: str, endpoint: str | None = None) -> Step:
    """What a rollback would do now. Raises NotFound, Conflict: why there is nothing to go back to."""
    crowned = crowned_at(db, workspace, model, endpoint)
    running = queries.running(db, workspace, crowned.endpoint)
    to = crowned.former_version
    if to is None:
        raise NoWayBack(
            "champion.first",
            f"version {crowned.version} of {model} has no former champion",
            f"endpoint {crowned.endpoint}",
            _instead(running),
            version=crowned.version,
        )
    _usable(db, workspace, model, to)
    return Step(crowned, to, queries.before(db, crowned, to), running)


def crowned_at(db: Connection, workspace: str, model: str, endpoint: str | None) -> Champion:
    """The one champion that is meant. Raises NotFound, Conflict."""
    _known(db, workspace, model)
    query = select(champions).where(champions.c.workspace == workspace, champions.c.model == model)
    rows = [Champion(**row._mapping) for row in db.execute(query.order_by(champions.c.endpoint))]
    found = [one for one in rows if endpoint in (None, one.endpoint)]
    if rows and not found:
        raise NotFound(f"{model} is not champion of {endpoint!r}", workspace, f"--endpoint {rows[0].endpoint}")
    if not found:
        raise NoWayBack("champion.none", f"no version of {model} is champion", workspace, "regie status")
    if len(found) > 1:
        names = ", ".join(one.endpoint for one in found)
        raise NoWayBack(
            "champion.several", f"{model} is champion of several endpoints: {names}", workspace, "name one: --endpoint NAME"
        )
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
        raise NoWayBack(
            "former.deleted",
            f"version {number} of {model}, the former champion, was deleted",
            workspace,
            "train a new one",
            version=number,
        ) from None
    if found.stage == ARCHIVED:
        raise NoWayBack(
            "former.archived",
            f"version {number} of {model}, the former champion, is archived",
            workspace,
            "train a new one",
            version=number,
        )


def _instead(running: Rollout | None) -> str:
    return f"regie rollout abort {running.id}" if running else "a new version can replace it: regie pipeline run"

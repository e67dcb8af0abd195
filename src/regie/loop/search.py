"""Find a thing by its name or by the beginning of its id, a run by the end of its id too, in several workspaces at once.

Bounded: at most `EACH` of a kind, and nothing walks through a table that grows with every run: ids are looked up by their index, and of
the runs only the newest `NEWEST` are looked through for a name or the end of an id. Letters in either case are the same. The nearest
come first: the very name, then names that begin so, then names that hold it; of equal ones the newest.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, false, func, select

from regie.data.tables import snapshots
from regie.registry import queries as registry
from regie.registry.tables import model_versions, registered_models
from regie.rollout.tables import rollouts
from regie.store.actors import EVERYWHERE
from regie.store.tables import actors, grants
from regie.tracking.tables import run_tags, runs
from regie.tracking.types import RUN_NAME

EACH = 8
NEWEST = 2_000  # 5 ms of lookups by key
LONGEST = 200  # characters that are looked at
SHORTEST_ID = 4  # below, half of all ids begin so
Kind = Literal["model", "version", "run", "rollout", "dataset", "actor"]
READS: Mapping[Kind, str] = {
    "model": "model.read",
    "version": "model.read",
    "rollout": "rollout.read",
    "run": "run.read",
    "dataset": "dataset.read",
    "actor": "actor.read",
}
_ID = re.compile(rf"[0-9a-f]{{{SHORTEST_ID},32}}")
_VERSION = re.compile(r"(.+)@([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Found:
    """One thing. `id`: what its page is asked for by; `state`: its role, status or state; `at_ms`: when it was made.

    A person is in no workspace: theirs is one in which what they did can be read. Times of runs and people are wall time.
    """

    kind: Kind
    workspace: str
    id: str
    name: str
    state: str = ""
    at_ms: int | None = None


@dataclass(frozen=True)
class Asked:
    """What is looked for. `places`: the workspaces in which the one who asks may read that kind of thing."""

    db: Connection
    text: str
    places: Sequence[str]

    @property
    def id_from(self) -> str:
        """The beginning of an id; empty where it is none."""
        return self.text if _ID.fullmatch(self.text) else ""

    def within(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        return column.icontains(self.text, autoescape=True)

    def begins(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """By the index of the ids: hex digits end before `g`."""
        return (column >= self.id_from) & (column < self.id_from + "g")

    def ends(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """What pages show of an id: its beginning is a time, and the same for all of an hour."""
        return column.endswith(self.id_from) if self.id_from else false()

    def rows(self, query: Select[Any]) -> Sequence[Any]:
        return self.db.execute(query.limit(EACH)).all()

    def nearness(self, name: str) -> int:
        text, name = self.text.casefold(), name.casefold()
        return 0 if name == text else 1 if name.startswith(text) else 2


def search(db: Connection, text: str, may: Callable[[str], Sequence[str]]) -> list[Found]:
    """Everything that is found, kind by kind. `may(action)`: the workspaces in which the one who asks may do it."""
    text = text.strip()[:LONGEST]
    if not text:
        return []
    found: list[Found] = []
    for kind, look in LOOKS.items():
        asked = Asked(db, text, may(READS[kind]))
        if asked.places:
            found += _nearest(asked, look(asked))
    return found


def _nearest(asked: Asked, found: Iterable[Found]) -> list[Found]:
    once = {(one.workspace, one.id): one for one in found}.values()
    return sorted(once, key=lambda one: asked.nearness(one.name))[:EACH]


def _models(asked: Asked) -> Iterable[Found]:
    at = registered_models.c
    query = select(at.workspace, at.name, at.last_version, at.updated_ms)
    query = query.where(at.workspace.in_(asked.places), asked.within(at.name))
    # The shortest are the nearest: the very name is never cut off by many that hold it.
    for row in asked.rows(query.order_by(func.length(at.name), at.name, at.workspace)):
        yield Found("model", row.workspace, row.name, row.name, at_ms=row.updated_ms)


def _versions(asked: Asked) -> Iterable[Found]:
    """Of `MODEL@3`, that one; of a model's name, its newest."""
    at = model_versions.c
    query = select(at.workspace, at.name, at.version, at.role, at.created_ms).where(at.workspace.in_(asked.places))
    if said := _VERSION.fullmatch(asked.text):
        query = query.where(at.name == said[1], at.version == int(said[2]))
    elif asked.id_from:
        query = query.where(asked.begins(at.run_id))
    else:
        query = query.where(func.lower(at.name) == asked.text.lower())
    for row in asked.rows(query.order_by(at.created_ms.desc(), at.version.desc())):
        name = f"{row.name}@{row.version}"
        yield Found("version", row.workspace, name, name, _role(asked.db, row), row.created_ms)


def _role(db: Connection, row: Any) -> str:
    champion = registry.champion(db, row.workspace, model=row.name)
    return "champion" if champion and champion.version == row.version else str(row.role)


def _runs(asked: Asked) -> Iterable[Found]:
    named = (run_tags.c.run == runs.c.key) & (run_tags.c.key == RUN_NAME)
    at = runs.c
    query = select(at.workspace, at.id, at.status, at.start_wall_ms, run_tags.c.value.label("name")).outerjoin(run_tags, named)
    query = query.where(at.workspace.in_(asked.places), at.lifecycle == "active").order_by(at.key.desc())
    by_id = asked.rows(query.where(asked.begins(at.id))) if asked.id_from else []
    newest = (asked.db.execute(select(func.max(at.key))).scalar() or 0) - NEWEST
    by_name = asked.rows(query.where(at.key > newest, asked.within(run_tags.c.value) | asked.ends(at.id)))
    for row in [*by_id, *by_name]:
        yield Found("run", row.workspace, row.id, row.name or row.id, row.status, row.start_wall_ms)


def _rollouts(asked: Asked) -> Iterable[Found]:
    at = rollouts.c
    query = select(at.workspace, at.id, at.model, at.version, at.state, at.entered_ms).where(at.workspace.in_(asked.places))
    by_id = asked.rows(query.where(asked.begins(at.id))) if asked.id_from else []
    said = _VERSION.fullmatch(asked.text)
    of_version = (at.model == said[1]) & (at.version == int(said[2])) if said else func.lower(at.model) == asked.text.lower()
    of_model = asked.rows(query.where(of_version).order_by(at.id.desc()))
    for row in [*by_id, *of_model]:
        yield Found("rollout", row.workspace, row.id, f"{row.model}@{row.version}", row.state, row.entered_ms)


def _datasets(asked: Asked) -> Iterable[Found]:
    at = snapshots.c
    query = select(at.workspace, at.dataset, func.max(at.created_ms).label("newest"))
    query = query.where(at.workspace.in_(asked.places), asked.within(at.dataset)).group_by(at.workspace, at.dataset)
    for row in asked.rows(query.order_by(func.length(at.dataset), at.dataset)):
        yield Found("dataset", row.workspace, row.dataset, row.dataset, at_ms=row.newest)


def _actors(asked: Asked) -> Iterable[Found]:
    """People who belong to, or have a right in, one of the places or all of them."""
    at, seen = actors.c, [*asked.places, EVERYWHERE]
    with_right = select(grants.c.actor).where(grants.c.workspace.in_(seen))
    query = select(at.name, at.revoked_wall_ms, at.added_wall_ms).where(asked.within(at.name))
    query = query.where(at.workspace.in_(seen) | at.name.in_(with_right))
    for row in asked.rows(query.order_by(func.length(at.name), at.name)):
        state = "active" if row.revoked_wall_ms is None else "revoked"
        yield Found("actor", asked.places[0], row.name, row.name, state, row.added_wall_ms)


LOOKS: Mapping[Kind, Callable[[Asked], Iterable[Found]]] = {
    "model": _models,
    "version": _versions,
    "rollout": _rollouts,
    "run": _runs,
    "dataset": _datasets,
    "actor": _actors,
}

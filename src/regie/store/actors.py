"""Actors: people with roles in a workspace or in all of them (`*`), and the local tokens that name them.

An actor belongs to one workspace, or to all: only who owns that may act on it, so that nobody gets at rights that somebody else
has given. Names are never used twice: what the audit log says of a name stays true of one person. A role may end; what is denied
stays denied until the actor is revoked. Times are the machine's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from regie.base.clock import wall_ms
from regie.base.errors import BadInput, Conflict, NotFound
from regie.base.ids import new_id
from regie.store import access, tokens
from regie.store.change import Change, upsert
from regie.store.tables import actors, grants
from regie.store.tables import tokens as tokens_table
from regie.store.types import Actor

EVERYWHERE = "*"
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
OURS = frozenset({"local", "system", "task", "node", "nobody", "regie"})
UNKNOWN = Actor("nobody")
# Built once, as every request with a token asks it.
_LIVE = select(grants).where(
    grants.c.revoked_wall_ms.is_(None), or_(grants.c.until_wall_ms.is_(None), grants.c.until_wall_ms > bindparam("now"))
)
_LIVE_OF = _LIVE.where(grants.c.actor == bindparam("actor"))


@dataclass(frozen=True)
class Known:
    """Whose token it is. `here`: with the roles of the workspace; `everywhere`: with those that hold in all of them.

    `anywhere`: with those of any workspace, for what belongs to none. `sees`: the workspaces of its roles, None for all. `wrong`: why
    the token opens nothing (any more); `elsewhere`: the only workspace that it does open. `key`: the token's hash, where it is one.
    """

    here: Actor
    everywhere: Actor
    anywhere: Actor
    sees: frozenset[str] | None = None
    wrong: str = ""
    elsewhere: str = ""
    key: str = ""


def everybody(actor: Actor) -> Known:
    """An actor who is the same in every workspace."""
    return Known(actor, actor, actor)


def of_token(db: Connection, token: str, workspace: str) -> Known:
    """Who stands behind a token, in a workspace."""
    return _of_row(db, tokens.found(db, token), workspace)


def of_key(db: Connection, key: str, workspace: str) -> Known:
    """Who stands behind the token of a hash, in a workspace."""
    return _of_row(db, tokens.by_hash(db, key), workspace)


def _of_row(db: Connection, row: Any | None, workspace: str) -> Known:
    now = wall_ms()
    if row is None:
        return Known(UNKNOWN, UNKNOWN, UNKNOWN, frozenset(), "unknown")
    elsewhere = row.workspace if row.workspace not in (None, workspace) else ""
    if row.kind != "person":
        actor = Actor(row.actor, frozenset(), row.kind, row.scope)
        return Known(actor, actor, actor, None, tokens.wrong(row, now), elsewhere, row.hash)
    live = _live(db, now, row.actor)
    places = {one.workspace for one in live if one.effect == "allow"}
    sees = None if EVERYWHERE in places else frozenset(places)
    if row.workspace is not None:
        sees = frozenset({row.workspace}) if sees is None else sees & {row.workspace}
    wide = _actor(row.actor, live, EVERYWHERE) if row.workspace is None else Actor(row.actor)
    here = _actor(row.actor, live, workspace)
    return Known(here, wide, _anywhere(row.actor, live, sees), sees, tokens.wrong(row, now), elsewhere, row.hash)


def add(
    tx: Change, name: str, roles: Sequence[str], deny: Sequence[str] = (), *, workspace: str | None = None,
    until_wall_ms: int | None = None,
) -> str:  # fmt: skip
    """Give an actor, new or known, roles in a workspace, and a token for it: shown now and never again.

    `workspace`: by default that of the change; `*` for all. Raises BadInput; Conflict for a name that was revoked.
    """
    where = workspace or tx.workspace
    _check(name, roles, deny)
    seen = find(tx.connection, name)
    if seen is None:
        row = {"name": name, "workspace": where, "added_by": tx.actor.name, "added_wall_ms": tx.wall_ms, "tokens": 0}
        if not tx.execute(upsert(tx.connection, actors, row, ["name"], keep=True)).rowcount:
            raise Conflict(f"somebody else has just added {name}", name, "`regie actor list`, then repeat")
    elif seen.revoked_wall_ms is not None:
        raise Conflict(f"{name} was revoked, and a name is never used twice", name, "add them under another name")
    elif seen.workspace != where:
        tx.execute(update(actors).where(actors.c.name == name).values(workspace=EVERYWHERE))
    for effect, given in (("allow", roles), ("deny", deny)):
        for one in dict.fromkeys(given):
            _grant(tx, name, where, effect, one, until_wall_ms if effect == "allow" else None)
    tx.event("actor.added", name, where=where, roles=sorted(set(roles)), deny=sorted(set(deny)), until_wall_ms=until_wall_ms)
    return create_token(tx, name, where, until_wall_ms)


def create_token(tx: Change, name: str, workspace: str, until_wall_ms: int | None = None) -> str:
    """Another token for a known actor; the former ones stay. Raises NotFound, Conflict."""
    _change(tx, name, tokens=actors.c.tokens + 1)
    where = None if workspace == EVERYWHERE else workspace
    return tokens.issue(tx, name, "person", "", until_wall_ms, where)


def revoke_tokens(tx: Change, name: str) -> int:
    """Take back every token of an actor, who may be given another one. Returns how many were still good."""
    _change(tx, name, tokens=actors.c.tokens + 1)
    return tx.execute(
        update(tokens_table)
        .where(tokens_table.c.actor == name, tokens_table.c.kind == "person", tokens_table.c.revoked_wall_ms.is_(None))
        .values(revoked_wall_ms=tx.wall_ms)
    ).rowcount


def revoke(tx: Change, name: str) -> None:
    """End an actor with its roles and tokens, for good. Raises NotFound, Conflict."""
    revoke_tokens(tx, name)
    tx.execute(update(actors).where(actors.c.name == name).values(revoked_wall_ms=tx.wall_ms))
    tx.execute(
        update(grants).where(grants.c.actor == name, grants.c.revoked_wall_ms.is_(None)).values(revoked_wall_ms=tx.wall_ms)
    )
    tx.event("actor.revoked", name)


def find(db: Connection, name: str) -> Any | None:
    """The actor's row, revoked or not."""
    return db.execute(select(actors).where(actors.c.name == name)).first()


def listed(db: Connection, sees: frozenset[str] | None = None) -> list[dict[str, Any]]:
    """Every actor that belongs to, or has a grant in, the workspaces that are seen; with its grants there and its tokens."""
    now = wall_ms()
    given = [one for one in db.execute(select(grants).order_by(grants.c.id)) if _seen(one.workspace, sees)]
    mine = {one.actor for one in given}
    rows = [row for row in db.execute(select(actors).order_by(actors.c.name)) if _seen(row.workspace, sees) or row.name in mine]
    keys = db.execute(select(tokens_table).where(tokens_table.c.kind == "person")).all()
    return [
        {
            "name": row.name, "workspace": row.workspace, "state": "active" if row.revoked_wall_ms is None else "revoked",
            "added_by": row.added_by, "added_wall_ms": row.added_wall_ms, "revoked_wall_ms": row.revoked_wall_ms,
            "grants": [_shown(one, now) for one in given if one.actor == row.name],
            "tokens": [_key(one, now) for one in keys if one.actor == row.name and _seen(one.workspace or EVERYWHERE, sees)],
        }
        for row in rows
    ]  # fmt: skip


def holders(db: Connection, workspace: str, role: str) -> list[str]:
    """Who holds a role in a workspace now, with nothing of it denied. The laptop's local user, who has every role, is not one."""
    found = {one.actor for one in _live(db, wall_ms()) if one.effect == "allow" and one.name == role}
    people = (_actor(name, _live(db, wall_ms(), name), workspace) for name in sorted(found))
    return [one.name for one in people if role in one.roles and not one.denied & ({role} | access.TAKEN[role])]


def holders_in(db: Connection, asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """As `holders`, of many (workspace, role) in one look."""
    of_actor: dict[str, list[Any]] = {}
    for one in _live(db, wall_ms()):
        of_actor.setdefault(one.actor, []).append(one)
    found: dict[tuple[str, str], list[str]] = {}
    for workspace, role in set(asked):
        people = [_actor(name, live, workspace) for name, live in sorted(of_actor.items())]
        found[workspace, role] = [
            one.name for one in people if role in one.roles and not one.denied & ({role} | access.TAKEN[role])
        ]
    return found


def _actor(name: str, live: Iterable[Any], workspace: str) -> Actor:
    """An actor as it stands in one workspace; `*`: with what holds in all of them, and everything that is denied anywhere."""
    allow = [one.name for one in live if one.effect == "allow" and one.workspace in (workspace, EVERYWHERE)]
    everything = workspace == EVERYWHERE
    deny = [one.name for one in live if one.effect == "deny" and (everything or one.workspace in (workspace, EVERYWHERE))]
    return Actor(name, frozenset(allow), denied=frozenset(deny))


def _anywhere(name: str, live: Iterable[Any], sees: frozenset[str] | None) -> Actor:
    """An actor with its roles in any workspace that it sees, but for what is denied in all of them."""
    seen = [one for one in live if sees is None or one.workspace == EVERYWHERE or one.workspace in sees]
    allow = [one.name for one in seen if one.effect == "allow"]
    deny = [one.name for one in seen if one.effect == "deny" and one.workspace == EVERYWHERE]
    return Actor(name, frozenset(allow), denied=frozenset(deny))


def _live(db: Connection, now: int, name: str | None = None) -> Sequence[Any]:
    return db.execute(_LIVE if name is None else _LIVE_OF, {"now": now, "actor": name}).all()


def _grant(tx: Change, name: str, workspace: str, effect: str, what: str, until_wall_ms: int | None) -> None:
    """The last word on a grant holds: one that is given again ends when it now says."""
    same = (grants.c.actor == name, grants.c.workspace == workspace, grants.c.effect == effect, grants.c.name == what,
            grants.c.revoked_wall_ms.is_(None))  # fmt: skip
    if tx.execute(update(grants).where(*same).values(until_wall_ms=until_wall_ms)).rowcount:
        return
    row = {"id": new_id(), "actor": name, "workspace": workspace, "effect": effect, "name": what, "until_wall_ms": until_wall_ms}
    tx.execute(insert(grants).values(**row, granted_by=tx.actor.name, granted_wall_ms=tx.wall_ms))


def _change(tx: Change, name: str, **values: Any) -> None:
    done = tx.execute(update(actors).where(actors.c.name == name, actors.c.revoked_wall_ms.is_(None)).values(**values)).rowcount
    if done:
        return
    if find(tx.connection, name) is None:
        raise NotFound(f"there is no actor {name}", name, "regie actor list")
    raise Conflict(f"{name} was revoked already", name, "regie actor list")


def _check(name: str, roles: Sequence[str], deny: Sequence[str]) -> None:
    if not NAME.fullmatch(name) or name in OURS:
        raise BadInput(
            f"{name!r} cannot be an actor's name", "name", "lower-case letters, digits, . _ - and @; not one of Regie's own"
        )
    for one in roles:
        if one not in access.ROLES:
            raise BadInput(f"there is no role {one!r}", "roles", "one of " + ", ".join(access.ROLES))
    for one in deny:
        if one not in access.ROLES and one not in access.ACTIONS and not re.fullmatch(r"[a-z]+\.read", one):
            raise BadInput(f"there is no action and no role {one!r}", "deny", "see docs/reference/actions.md")


def _seen(workspace: str, sees: frozenset[str] | None) -> bool:
    return sees is None or workspace in sees or workspace == EVERYWHERE


def _shown(one: Any, now: int) -> dict[str, Any]:
    names = ("workspace", "effect", "name", "until_wall_ms", "granted_by", "granted_wall_ms")
    return {name: getattr(one, name) for name in names} | {"state": tokens.wrong(one, now) or "active"}


def _key(one: Any, now: int) -> dict[str, Any]:
    """A token without what would open anything."""
    return {
        "workspace": one.workspace or EVERYWHERE, "created_wall_ms": one.created_wall_ms, "until_wall_ms": one.until_wall_ms,
        "state": tokens.wrong(one, now) or "active",
    }  # fmt: skip

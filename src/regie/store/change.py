"""Change: the only way to write a domain row.

`with store.change(actor, action, target, reason) as tx:` asks the access policy, opens the transaction, and on success writes
the rows, their events and one audit record together. A change that alters no row leaves no trace; a refusal is audited in a
transaction of its own. As its last step a change locks the single `head` row and takes its sequence numbers there, so the
chain cannot fork and a consumer with an offset cannot skip an event.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Delete, Insert, Update, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import Executable
from sqlalchemy.sql.schema import Table

from regie.base.blobs import BlobStore
from regie.base.canonical import canonical
from regie.base.clock import wall_ms
from regie.base.errors import NotAllowed
from regie.base.ids import new_id
from regie.store import access
from regie.store.chain import seal
from regie.store.database import Database
from regie.store.tables import refusals, workspaces
from regie.store.types import NOBODY_CAUSE, Actor, Cause

Policy = Callable[[Actor, str, str, int], access.Decision]

# What every change runs is built once: building the statement takes longer than running it.
_CLOCK = select(workspaces.c.clock, workspaces.c.now_ms).where(workspaces.c.name == bindparam("workspace"))


class Change:
    """One open change. `now_ms` is business time, `wall_ms` the machine's."""

    def __init__(self, connection: Connection, actor: Actor, action: str, target: str, workspace: str, cause: Cause) -> None:
        self.connection = connection
        self.actor, self.action, self.target, self.workspace, self.cause = actor, action, target, workspace, cause
        self.wall_ms = wall_ms()
        self.now_ms = business_now(connection, workspace) if workspace else self.wall_ms
        self.rows = 0
        self.written: set[str] = set()
        self.events: list[dict[str, Any]] = []

    def execute(self, statement: Executable, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        """Run a statement inside the change. Refuses a table that this action may not write."""
        if isinstance(statement, Insert | Update | Delete):
            sort = _may_write(statement.table, self.action)
            result = self.connection.execute(statement, rows) if rows is not None else self.connection.execute(statement)
            changed = len(rows) if rows is not None else max(0, result.rowcount)
            if changed:
                self.written.add(cast(Table, statement.table).name)
            if sort != "machinery":
                self.rows += changed
            return result
        return self.connection.execute(statement, rows) if rows is not None else self.connection.execute(statement)

    def event(self, type: str, subject: str | None = None, *, cause: Cause | None = None, **data: Any) -> Cause:
        """Add an event, to be written with the change; what it returns is the cause of what follows from it."""
        cause = cause or self.cause
        identity = new_id()
        correlation = cause.correlationid or identity
        self.events.append(
            {
                "specversion": "1.0", "id": identity, "type": type, "source": f"/workspaces/{self.workspace}",
                "subject": subject if subject is not None else self.target, "time_ms": self.now_ms, "wall_ms": self.wall_ms,
                "correlationid": correlation, "causationid": cause.causationid, "data": data,
            }
        )  # fmt: skip
        return Cause(identity, correlation)

    @property
    def last_cause(self) -> Cause:
        """The cause that the newest event of this change is; the change's own cause where it has none."""
        newest = self.events[-1] if self.events else None
        return Cause(newest["id"], newest["correlationid"]) if newest else self.cause


class Store:
    """The database and the blobs of one home, behind the rules of `docs/reference/tables.md`."""

    def __init__(self, database: Database, blobs: BlobStore, policy: Policy = access.allowed) -> None:
        self.database, self.blobs, self.policy = database, blobs, policy
        self.on_commit: list[Callable[[frozenset[str]], None]] = []  # told the names of the tables that were written

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.database.read() as connection:
            yield connection

    @contextmanager
    def change(
        self,
        actor: Actor,
        action: str,
        target: str,
        reason: str = "",
        *,
        workspace: str = "",
        cause: Cause = NOBODY_CAUSE,
    ) -> Iterator[Change]:
        """Raises NotAllowed, after auditing the refusal. Any exception inside leaves nothing behind."""
        decision = self.policy(actor, action, target, wall_ms())
        if not decision.allowed:
            self.refuse(actor, action, target, decision.rule, workspace=workspace, reason=reason)
        with self.database.write() as connection:
            tx = Change(connection, actor, action, target, workspace, cause)
            yield tx
            if tx.events and not tx.rows:
                raise AssertionError(f"{action} announces {tx.events[0]['type']} but changed no row")
            if tx.rows:
                _seal(connection, tx, "done", decision.rule, reason)
        if tx.written:
            self.wake(frozenset(tx.written))

    def wake(self, written: frozenset[str]) -> None:
        """Tell those of this process who wait for news of these tables. What another process wrote is seen by a look."""
        for one in self.on_commit:
            one(written)

    def refuse(
        self, actor: Actor, action: str, target: str, rule: str, *, workspace: str = "", reason: str = "", do: str = ""
    ) -> None:
        """Audit a refusal and raise NotAllowed."""
        self.note_refusal(actor, action, target, rule, workspace=workspace, reason=reason)
        raise NotAllowed(f"{actor.name} may not {action} {target}: {rule}", workspace, do or "ask somebody whose role allows it")

    def note_refusal(self, actor: Actor, action: str, target: str, rule: str, *, workspace: str = "", reason: str = "") -> None:
        """Audit a refusal. Repeats of one actor within a minute, by the same rule, are counted, not chained."""
        with self.database.write() as connection:
            # What was tried comes from whoever tried it: PostgreSQL keeps no null character, and a refusal must be kept.
            tx = Change(connection, actor, action, target.replace("\x00", "\ufffd"), "", NOBODY_CAUSE)
            rule, reason = rule.replace("\x00", "\ufffd"), reason.replace("\x00", "\ufffd")
            tx.workspace = workspace
            if _first_this_minute(connection, tx, rule):
                _seal(connection, tx, "refused", rule, reason)

    @contextmanager
    def measure(self) -> Iterator["Batch"]:
        """Append measurements: data, not changes; the caller has checked the right to write."""
        # What was accepted survives the death of any process. PostgreSQL's own is one, and loses what it has not synced.
        with self.database.write(durable=not self.database.is_sqlite) as connection:
            yield Batch(connection, "measurement")

    @contextmanager
    def machinery(self, durable: bool = False) -> Iterator["Batch"]:
        """Claims, heartbeats, offsets: neither audited nor chained."""
        with self.database.write(durable=durable) as connection:
            yield Batch(connection, "machinery")

    def now_ms(self, workspace: str) -> int:
        """Business time of a workspace."""
        with self.read() as connection:
            return business_now(connection, workspace)


class Batch:
    """Writes to the tables of one sort only."""

    def __init__(self, connection: Connection, sort: str) -> None:
        self.connection, self.sort = connection, sort

    def execute(self, statement: Executable, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        if isinstance(statement, Insert | Update | Delete):
            found = statement.table.info.get("sort") if isinstance(statement.table, Table) else None
            if found != self.sort:
                raise PermissionError(f"{statement.table} is a {found} table: not to be written as {self.sort}")
        return self.connection.execute(statement, rows) if rows is not None else self.connection.execute(statement)


def business_now(connection: Connection, workspace: str) -> int:
    """The workspace's business clock: the wall's, or the driven one. An unknown workspace runs on the wall clock."""
    row = connection.execute(_CLOCK, {"workspace": workspace}).first()
    return int(row.now_ms) if row is not None and row.clock == "driven" else wall_ms()


def upsert(
    connection: Connection,
    table: Table,
    values: dict[str, Any] | list[dict[str, Any]],
    key: Iterable[str],
    keep: bool = False,
) -> Insert:
    """INSERT ... ON CONFLICT(key) DO UPDATE (or DO NOTHING with `keep`), in the dialect of the connection."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(values)
    if keep:
        return cast(Insert, statement.on_conflict_do_nothing(index_elements=list(key)))
    names = (values[0] if isinstance(values, list) else values).keys()
    changed = {name: statement.excluded[name] for name in names if name not in set(key)}
    return cast(Insert, statement.on_conflict_do_update(index_elements=list(key), set_=changed))


def _may_write(table: Any, action: str) -> str:
    info = table.info if isinstance(table, Table) else {}
    sort = info.get("sort")
    if sort == "crown" and action not in info["actions"]:
        raise NotAllowed(
            f"{table.name} changes only under {' or '.join(sorted(info['actions']))}, not under {action}", table.name
        )
    if sort not in ("domain", "crown", "machinery"):
        raise PermissionError(f"{table} is a {sort} table: not to be written inside a change")
    return str(sort)


def _first_this_minute(connection: Connection, tx: Change, rule: str) -> bool:
    tried = f"{tx.target[:350]} {rule}"[:500]
    key = {"actor": tx.actor.name, "action": tx.action, "target": tried, "minute": tx.wall_ms // 60_000}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    counted = dialect.insert(refusals).values(**key, count=1)
    # One statement: of several equal refusals in the same moment exactly one is the first.
    again = counted.on_conflict_do_update(index_elements=list(key), set_={"count": refusals.c["count"] + 1})
    return bool(connection.execute(again.returning(refusals.c["count"])).scalar_one() == 1)


def _seal(connection: Connection, tx: Change, result: str, rule: str, reason: str) -> None:
    """Write the events and the audit record: the last step, since from here on every other change waits."""
    seal(
        connection, tx.events,
        {
            "wall_ms": tx.wall_ms, "now_ms": tx.now_ms, "workspace": tx.workspace, "actor": tx.actor.name, "action": tx.action,
            "target": tx.target, "reason": reason, "rule": rule, "result": result, "rows": tx.rows, "causationid": tx.cause.causationid,
        },
    )  # fmt: skip


def caused(row: Any) -> Cause:
    """The cause that a row remembers in its column `cause` (canonical JSON of a Cause)."""
    found = json.loads(row.cause or "{}")
    return replace(NOBODY_CAUSE, **found)


def remembered(cause: Cause) -> str:
    """A cause as the text of a column `cause`."""
    return canonical({"causationid": cause.causationid, "correlationid": cause.correlationid})

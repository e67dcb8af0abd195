"""The chain: the last step of every change writes its events and one audit record, chained by a hash, under the head's lock.

These statements are a part of every change, so they go to the driver as text: an expression costs several times what SQLite
then takes to run it. On PostgreSQL all that follows the lock is one statement, for each one is a round trip.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import DBAPIError

from regie.base.canonical import canonical, digest, sha256
from regie.base.errors import NotFound
from regie.store.tables import head

GENESIS = "0" * 64
_EVENT = ("seq", "id", "type", "workspace", "subject", "time_ms", "wall_ms", "correlationid", "causationid", "data")
_RECORD = ("seq", "prev_hash", "hash", "record", "workspace", "actor", "action", "target", "result", "wall_ms")
_HEAD = ("audit_seq", "event_seq", "hash")


@dataclass(frozen=True)
class _Statements:
    """In a driver's own words. PostgreSQL's `write` takes the events as one JSON text (an array a column costs twice as much), the
    record, and the head.
    """

    lock: str
    events: str
    record: str
    head: str
    write: str


def _statements(mark: str, lock: str) -> _Statements:
    events, record = ", ".join(_EVENT), ", ".join(_RECORD)
    add_record = f"INSERT INTO audit_records ({record}) VALUES ({', '.join([mark] * len(_RECORD))})"
    move_head = f"UPDATE head SET {', '.join(f'{name} = {mark}' for name in _HEAD)} WHERE id = 1"
    told = ", ".join(f"{name} {'bigint' if name in ('seq', 'time_ms', 'wall_ms') else 'text'}" for name in _EVENT)
    add_told = f"INSERT INTO events ({events}) SELECT {events} FROM json_to_recordset({mark}::json) AS one({told})"
    return _Statements(
        lock=f"SELECT {', '.join(_HEAD)} FROM head WHERE id = 1{lock}",
        events=f"INSERT INTO events ({events}) VALUES ({', '.join([mark] * len(_EVENT))})",
        record=add_record,
        head=move_head,
        write=f"WITH told AS ({add_told}), kept AS ({add_record}) {move_head}",
    )


_SQLITE, _POSTGRESQL = _statements("?", ""), _statements("%s", " FOR UPDATE")


def seal(connection: Connection, envelopes: list[dict[str, Any]], record: dict[str, Any]) -> None:
    """Take the sequence numbers under the head's lock, write the events and the audit record, and chain.

    `record`: all that the audit record says but for its number and its events. Raises NotFound where there is no head.
    """
    # The driver's own connection: what goes wrong is raised as everywhere else.
    database, postgresql = connection.connection.driver_connection, connection.dialect.name == "postgresql"
    assert database is not None
    try:
        locked = database.execute(_POSTGRESQL.lock if postgresql else _SQLITE.lock).fetchone()
        if locked is None:
            raise NotFound("the head of the audit chain is missing", "table head", "restore the database from a backup")
        rows = _numbered(envelopes, locked[1], record["workspace"])
        seq, prev_hash = locked[0] + 1, locked[2]
        text = canonical(
            record | {"seq": seq, "events": [{"seq": row["seq"], "id": row["id"], "digest": event_digest(row)} for row in rows]}
        )
        chained = chain(prev_hash, text)
        kept = (seq, prev_hash, chained, text, *(record[name] for name in _RECORD[4:]))
        moved = (seq, locked[1] + len(rows), chained)
        if postgresql:
            database.execute(_POSTGRESQL.write, (canonical(rows), *kept, *moved), prepare=True)
            return
        database.executemany(_SQLITE.events, [tuple(row[name] for name in _EVENT) for row in rows])
        database.execute(_SQLITE.record, kept)
        database.execute(_SQLITE.head, moved)
    except connection.dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(
            "seal", None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect
        ) from error


def _numbered(envelopes: list[dict[str, Any]], last: int, workspace: str) -> list[dict[str, Any]]:
    """The rows of the events of one change."""
    return [
        {
            "seq": seq, "id": one["id"], "type": one["type"], "workspace": workspace, "subject": one["subject"], "time_ms": one["time_ms"],
            "wall_ms": one["wall_ms"], "correlationid": one["correlationid"], "causationid": one["causationid"],
            "data": canonical(one["data"]),
        }
        for seq, one in enumerate(envelopes, last + 1)
    ]  # fmt: skip


def chain(prev_hash: str, record: str) -> str:
    """hash = SHA-256(prev_hash || canonical JSON), 64 hex digits."""
    return sha256((prev_hash + record).encode()).removeprefix("sha256:")


def event_digest(row: Any) -> str:
    """The digest of everything that a stored event says."""
    row = row if isinstance(row, dict) else row._mapping
    return digest({name: row[name] for name in _EVENT})


def start_chain(connection: Connection) -> None:
    """Write the head of an empty chain, once, at the creation of a database."""
    if not connection.execute(select(func.count()).select_from(head)).scalar_one():
        connection.execute(insert(head).values(id=1, audit_seq=0, event_seq=0, hash=GENESIS))

"""The store's own tables; every other folder adds its own to the same `metadata`.

`sort` says who may write a table: docs/reference/tables.md.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, func, literal_column, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def domain(**more: Any) -> dict[str, Any]:
    """`info` of a table that is written only inside a change."""
    return {"sort": "domain", **more}


def crown(*actions: str) -> dict[str, Any]:
    """`info` of a table that is written only inside a change under one of these actions."""
    return {"sort": "crown", "actions": frozenset(actions)}


BEGINNING = 64


def beginning(column: Column[str]) -> Any:
    """The first characters of a text, for an index: PostgreSQL's hold no text of more than 2,700 bytes."""
    return func.substr(column, literal_column("1"), literal_column(str(BEGINNING)))


MEASUREMENT = {"sort": "measurement"}
MACHINERY = {"sort": "machinery"}

home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("clock", String(16), nullable=False),  # wall, driven: set at creation, never changed
    Column("start_ms", BigInteger, nullable=False),  # where driven clocks start
    Column("created_wall_ms", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip

head = Table(
    "head", metadata,
    Column("id", Integer, primary_key=True),
    Column("audit_seq", BigInteger, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    info=MACHINERY,
)  # fmt: skip

audit_records = Table(
    "audit_records", metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("record", Text, nullable=False),
    Column("workspace", String(64), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("result", String(16), nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Index(None, "workspace", "seq"),
    Index(None, "workspace", "actor", "seq"),
    Index(None, "workspace", "action", "seq"),
    Index(None, "workspace", "wall_ms", "seq"),
    info=MACHINERY,
)  # fmt: skip
Index("ix_audit_records_target", audit_records.c.workspace, beginning(audit_records.c.target), audit_records.c.seq)
Index("ix_audit_records_not_done", audit_records.c.workspace, audit_records.c.result, audit_records.c.seq,
      sqlite_where=text("result != 'done'"), postgresql_where=text("result != 'done'"))  # fmt: skip

# Each time that the whole chain was recomputed; written by whoever did it, so it is a note, not evidence.
verifications = Table(
    "verifications", metadata,
    Column("id", String(32), primary_key=True),
    Column("by", String(200), nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("anchored", BigInteger),  # the record of the anchor that it was compared with
    Column("broken", BigInteger),  # the first wrong record
    Column("reason", String(32), nullable=False),
    Column("what", Text, nullable=False),
    info=MACHINERY,
)  # fmt: skip

refusals = Table(
    "refusals", metadata,
    Column("actor", String(200), primary_key=True),
    Column("action", String(64), primary_key=True),
    Column("target", String(500), primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
    info=MACHINERY,
)  # fmt: skip

events = Table(
    "events", metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("type", String(64), nullable=False),
    Column("workspace", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Column("correlationid", String(32), nullable=False),
    Column("causationid", String(32), nullable=False),
    Column("data", Text, nullable=False),
    Index(None, "workspace", "seq"),
    Index(None, "workspace", "type", "seq"),
    Index(None, "workspace", "time_ms", "seq"),
    Index(None, "workspace", "correlationid", "seq"),
    Index(None, "causationid"),
    info=MACHINERY,
)  # fmt: skip
Index("ix_events_subject", events.c.workspace, beginning(events.c.subject), events.c.seq)

offsets = Table(
    "offsets", metadata,
    Column("consumer", String(100), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip

jobs = Table(
    "jobs", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("args", Text, nullable=False),
    Column("state", String(16), nullable=False),  # queued, running, done, failed, cancelled
    Column("queue", String(64), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("dedup_key", String(200)),
    Column("concurrency_key", String(200)),
    Column("run_at_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("lease_owner", String(64)),
    Column("lease_until_ms", BigInteger),
    Column("fence", Integer, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Index(None, "state", "queue", "priority", "run_at_ms"),
    # One live job a dedup key, one running job a concurrency key: kept by the database, so no race can break it.
    Index("uq_jobs_dedup_key", "dedup_key", unique=True,
          sqlite_where=text("state IN ('queued', 'running')"), postgresql_where=text("state IN ('queued', 'running')")),
    Index("uq_jobs_concurrency_key", "concurrency_key", unique=True,
          sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'")),
    info=MACHINERY,
)  # fmt: skip

leases = Table(
    "leases", metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False),
    info=MACHINERY,
)  # fmt: skip

nodes = Table(
    "nodes", metadata,
    Column("id", String(64), primary_key=True),
    Column("tag", Integer, nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("address", String(200), nullable=False),
    Column("flush", BigInteger, nullable=False),
    Column("generations", Text, nullable=False),
    Column("failed", Text, nullable=False),
    Column("last_id", String(32), nullable=False),
    Column("seen_wall_ms", BigInteger, nullable=False),
    Column("variants", Text, nullable=False, server_default="{}"),
    info=MACHINERY,
)  # fmt: skip

segments = Table(
    "segments", metadata,
    Column("node", String(64), primary_key=True),
    Column("segment", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip

workspaces = Table(
    "workspaces", metadata,
    Column("name", String(64), primary_key=True),
    Column("clock", String(16), nullable=False),  # wall, driven
    Column("now_ms", BigInteger, nullable=False),  # of a driven clock
    Column("secret", String(64), nullable=False),  # key of the prediction ids
    Column("spec_digest", String(71)),
    Column("created_ms", BigInteger, nullable=False),
    info=domain(),
)  # fmt: skip

# What settling a driven clock needs: which flush is wanted, up to which business time everything is settled.
settling = Table(
    "settling", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("flush", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip

specs = Table(
    "specs", metadata,
    Column("digest", String(71), primary_key=True),
    Column("workspace", String(64), primary_key=True),
    Column("document", Text, nullable=False),
    Column("root", Text, nullable=False),  # folder of the project, against which relative sources are read
    Column("code_digest", String(71), nullable=False),
    Column("git", Text, nullable=False),
    Column("applied_ms", BigInteger, nullable=False),
    Column("applied_by", String(200), nullable=False),
    info=domain(),
)  # fmt: skip

tokens = Table(
    "tokens", metadata,
    Column("hash", String(64), primary_key=True),
    Column("actor", String(200), nullable=False),
    Column("kind", String(16), nullable=False),  # person, task, node
    Column("scope", Text, nullable=False),
    Column("workspace", String(64)),  # the only one that it opens; none: every one that its actor has a role in
    Column("created_wall_ms", BigInteger),
    Column("until_wall_ms", BigInteger),
    Column("revoked_wall_ms", BigInteger),
    info=MACHINERY,
)  # fmt: skip

actors = Table(
    "actors", metadata,
    Column("name", String(64), primary_key=True),
    Column("workspace", String(64), nullable=False),  # whose owners may act on it; `*`: only those of every workspace
    Column("added_by", String(200), nullable=False),
    Column("added_wall_ms", BigInteger, nullable=False),
    Column("tokens", Integer, nullable=False),  # how many were made and taken back, ever: so that each is a change
    Column("revoked_wall_ms", BigInteger),
    info=domain(),
)  # fmt: skip

grants = Table(
    "grants", metadata,
    Column("id", String(32), primary_key=True),
    Column("actor", String(64), nullable=False),
    Column("workspace", String(64), nullable=False),  # `*`: every one
    Column("effect", String(8), nullable=False),  # allow, deny
    Column("name", String(64), nullable=False),  # a role; of a deny also an action
    Column("until_wall_ms", BigInteger),
    Column("granted_by", String(200), nullable=False),
    Column("granted_wall_ms", BigInteger, nullable=False),
    Column("revoked_wall_ms", BigInteger),
    Index(None, "actor"),
    info=domain(),
)  # fmt: skip

# A browser's session. `token`: the hash of the token that it came from, whose end is its end; none: the local user of the laptop.
sessions = Table(
    "sessions", metadata,
    Column("hash", String(64), primary_key=True),
    Column("actor", String(200), nullable=False),
    Column("token", String(64)),
    Column("opened_wall_ms", BigInteger, nullable=False),
    Index(None, "actor", "opened_wall_ms"),
    info=domain(),
)  # fmt: skip

# When a session was last used: asked at each request of a browser, written once a minute.
session_uses = Table(
    "session_uses", metadata,
    Column("hash", String(64), primary_key=True),
    Column("used_wall_ms", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip

# What `regie open` prints: opens one session, once.
session_codes = Table(
    "session_codes", metadata,
    Column("hash", String(64), primary_key=True),
    Column("actor", String(200), nullable=False),
    Column("token", String(64)),
    Column("until_wall_ms", BigInteger, nullable=False),
    info=MACHINERY,
)  # fmt: skip

collections = Table(
    "collections", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("options", Text, nullable=False),  # JSON: what it was asked for
    Column("state", String(16), nullable=False),  # rows, blobs, done
    Column("removed", Text, nullable=False),  # JSON: counts, so far
    Column("shard", Integer, nullable=False),  # of the blobs: how many of their folders were looked at
    Column("started_wall_ms", BigInteger, nullable=False),
    Column("ended_wall_ms", BigInteger),
    info=domain(),
)  # fmt: skip

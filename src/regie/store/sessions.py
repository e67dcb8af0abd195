"""Sessions of browsers, and the codes that open them: secrets of 256 bits, kept as hashes.

Each stands for a token of a person, whose end is its end, or for the local user of the laptop. A code opens one session, once, within 15
minutes. A session ends 12 hours after its last use (known to the minute), and 7 days after it was opened at the latest. Times are
the machine's.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, insert, or_, select

from regie.base.canonical import sha256
from regie.base.clock import HOUR_MS, MINUTE_MS, wall_ms
from regie.base.errors import RegieError
from regie.base.ids import new_token
from regie.store.change import Change, upsert
from regie.store.jobs import Writes
from regie.store.tables import session_codes, session_uses, sessions, tokens

CODE_MS = 15 * MINUTE_MS
IDLE_MS = 12 * HOUR_MS
LONGEST_MS = 7 * 24 * HOUR_MS
USE_MS = MINUTE_MS  # a use is written where the last one that was written is older
# Of one actor; one more ends the oldest. A browser has one, and so has each of its profiles and windows without a memory.
MOST_SESSIONS, MOST_CODES = 32, 16
SECRET_CHARS = 200  # of what is looked up; ours have 43
_FOUND = (
    select(sessions, session_uses.c.used_wall_ms)
    .join(session_uses, session_uses.c.hash == sessions.c.hash, isouter=True)
    .where(sessions.c.hash == bindparam("hash"))
)


class SignInRefused(RegieError):
    """What was given to sign in opens nothing: it is wrong, too old, used or revoked. Which of them is not told."""

    code, status, exit_code = "session.refused", 401, 4


@dataclass(frozen=True)
class Holder:
    """For whom a session or a code stands. `token`: the hash of the token that it came from; None: the local user."""

    actor: str
    token: str | None = None


@dataclass(frozen=True)
class Session:
    """An open session. `used_ms`: its last use, known to the minute."""

    hash: str
    holder: Holder
    opened_ms: int
    used_ms: int

    @property
    def until_ms(self) -> int:
        """Its end, if it is not used again."""
        return min(self.opened_ms + LONGEST_MS, self.used_ms + IDLE_MS)


def new_code(batch: Writes, holder: Holder) -> str:
    """A code that opens one session of the holder; it is never shown again."""
    code, now = new_token(), wall_ms()
    batch.execute(delete(session_codes).where(session_codes.c.until_wall_ms <= now))
    batch.execute(delete(session_codes).where(_too_many(session_codes, session_codes.c.until_wall_ms, holder.actor, MOST_CODES)))
    row = {"hash": _hash(code), "actor": holder.actor, "token": holder.token, "until_wall_ms": now + CODE_MS}
    batch.execute(insert(session_codes).values(row))
    return code


def of_code(db: Connection, code: str) -> Holder:
    """Whose code it is. Raises SignInRefused."""
    row = db.execute(select(session_codes).where(session_codes.c.hash == _hash(code), session_codes.c.until_wall_ms > wall_ms()))
    found = row.first()
    if found is None:
        raise refused()
    return Holder(found.actor, found.token)


def of_token(db: Connection, token: str) -> Holder:
    """Whose token it is; of people only. Raises SignInRefused."""
    row = db.execute(
        select(tokens.c.actor, tokens.c.hash).where(tokens.c.hash == _hash(token), tokens.c.kind == "person")
    ).first()
    if row is None:
        raise refused()
    return Holder(row.actor, row.hash)


def use_code(tx: Change, code: str) -> None:
    """Nobody uses it again. Raises SignInRefused where somebody has, or its time is over."""
    here = and_(session_codes.c.hash == _hash(code), session_codes.c.until_wall_ms > tx.wall_ms)
    if not tx.execute(delete(session_codes).where(here)).rowcount:
        raise refused()


def open_session(tx: Change, holder: Holder, instead_of: str = "") -> str:
    """A new session; its secret is never shown again. `instead_of`: the hash of the one that the browser had."""
    too_many = _too_many(sessions, sessions.c.opened_wall_ms, holder.actor, MOST_SESSIONS)
    _end(tx, or_(sessions.c.hash == instead_of, _over(tx.wall_ms), too_many))
    secret = new_token()
    row = {"hash": _hash(secret), "actor": holder.actor, "token": holder.token, "opened_wall_ms": tx.wall_ms}
    tx.execute(insert(sessions).values(row))
    tx.execute(insert(session_uses).values(hash=row["hash"], used_wall_ms=tx.wall_ms))
    return secret


def close(tx: Change, identity: str) -> None:
    """The session of a hash is over."""
    _end(tx, sessions.c.hash == identity)


def found(db: Connection, secret: str) -> Session | None:
    """The session of a secret; None where there is none, or its time is over."""
    return by_hash(db, _hash(secret))


def by_hash(db: Connection, identity: str) -> Session | None:
    row = db.execute(_FOUND, {"hash": identity}).first()
    if row is None:
        return None
    session = Session(row.hash, Holder(row.actor, row.token), row.opened_wall_ms, row.used_wall_ms or row.opened_wall_ms)
    return session if session.until_ms > wall_ms() else None


def note_use(batch: Writes, session: Session) -> None:
    """The session was used now."""
    row = {"hash": session.hash, "used_wall_ms": wall_ms()}
    batch.execute(upsert(batch.connection, session_uses, row, ["hash"]))


def refused() -> SignInRefused:
    """One sentence for whatever was wrong with what was given."""
    return SignInRefused("this opens nothing, or nothing any more", "sign-in", "`regie open` prints a new link")


def _over(now_ms: int) -> ColumnElement[bool]:
    """Sessions whose time is over."""
    idle = select(session_uses.c.hash).where(session_uses.c.used_wall_ms <= now_ms - IDLE_MS)
    return or_(sessions.c.opened_wall_ms <= now_ms - LONGEST_MS, sessions.c.hash.in_(idle))


def _end(tx: Change, which: ColumnElement[bool]) -> None:
    gone = tx.execute(select(sessions.c.hash).where(which)).scalars().all()
    tx.execute(delete(sessions).where(sessions.c.hash.in_(gone)))
    tx.execute(delete(session_uses).where(session_uses.c.hash.in_(gone)))


def _too_many(table: Table, age: ColumnElement[int], actor: str, most: int) -> ColumnElement[bool]:
    """Before one more is made: what does not stay of an actor."""
    kept = select(table.c.hash).where(table.c.actor == actor).order_by(age.desc(), table.c.hash).limit(most - 1)
    return and_(table.c.actor == actor, table.c.hash.not_in(kept))


def _hash(secret: str) -> str:
    return sha256(secret[:SECRET_CHARS].encode("utf-8", "surrogatepass")).removeprefix("sha256:")

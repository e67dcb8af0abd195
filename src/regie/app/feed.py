"""What happens, told to every page that listens: events within 200 ms of their commit, and once a second which runs have grown.

One look for all listeners of a server, and none where nobody listens. A change of this process wakes it at once; what another process
or server wrote is seen within `LOOK_S`. What is told is kept once for all, in a ring: who falls behind it is told `lost` and reads
everything anew. A listener is a coroutine: neither a thread nor a connection to the database, and no memory of its own. Rights are
asked again every `RIGHTS_S`, and at once where this process has changed any.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from regie.app.caller import CallerOf
from regie.app.feed_look import Look, News, message, missed, newest
from regie.base.clock import monotonic, wall_ms
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.base.version import VERSION
from regie.store import actors, sessions
from regie.store.change import Store

LOOK_S = 0.1
BEAT_S = 10.0
RIGHTS_S = 10.0
KEPT = 2_000  # messages, for all listeners
MOST_LISTENERS, MOST_OF_ONE = 500, 100  # of all, and of one person: nobody takes the places of the others
RIGHTS = frozenset({"sessions", "tokens", "actors", "grants"})
BOOT = new_id()  # another one: another process, perhaps of another program
LOST = message({"kind": "lost"})
log = logging.getLogger("regie.server")


class TooManyListeners(RegieError):
    """This server tells its news to as many as it can."""

    code, status, exit_code = "stream.full", 503, 6


@dataclass(eq=False)
class Listener:
    """One open stream. `sees`: the workspaces whose events it may read, None for all; `over`: its caller is nobody any more."""

    caller: CallerOf
    sees: frozenset[str] | None = frozenset()
    over: bool = False

    def ask(self, db: Connection) -> None:
        """Look at its rights."""
        caller = self.caller
        if caller.session is not None and sessions.by_hash(db, caller.session.hash) is None:
            self.over = True
        elif caller.known.key:
            known = actors.of_key(db, caller.known.key, caller.workspace)
            self.over = bool(known.wrong)
            places = CallerOf(caller.store, known, caller.workspace).places(db)
            self.sees = frozenset(one.workspace for one in places if one.could("event.read", one.workspace))
        else:
            self.sees = None

    def hears(self, news: News) -> bool:
        return self.sees is None or news.workspace in self.sees


@dataclass
class Ring:
    """The newest messages, by number, and a bell that rings when there are more."""

    last: int = 0
    kept: deque[News] = field(default_factory=lambda: deque(maxlen=KEPT))
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, news: list[News]) -> None:
        self.kept.extend(news)
        self.last += len(news)
        rung, self.bell = self.bell, asyncio.Event()
        rung.set()

    def after(self, number: int) -> list[News] | None:
        """What came behind a number; None where some of it is gone."""
        behind = self.last - number
        if behind > len(self.kept):
            return None
        return list(self.kept)[-behind:] if behind else []


class Feed:
    """The news of one server. Its coroutines run in the server's event loop."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._ring = Ring()
        self._listeners: set[Listener] = set()
        self._watching: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()  # what is committed from now on is heard
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._asked_at = 0.0
        self._rights_moved = self._ended = False
        store.on_commit.append(self._committed)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def room(self, caller: CallerOf) -> None:
        """Whether one more may listen. Raises TooManyListeners."""
        mine = sum(one.caller.actor.name == caller.actor.name for one in self._listeners)
        if len(self._listeners) >= MOST_LISTENERS or mine >= MOST_OF_ONE:
            raise TooManyListeners("too many pages listen at this server", "GET /api/v1/stream", "close some of them")

    async def listen(self, caller: CallerOf, after: str) -> AsyncGenerator[bytes]:
        """The stream of a caller, from behind the event `after`, or from now on. Ends with the caller's session."""
        listener = self._join(caller)
        try:
            await self._looked.wait()
            number = self._ring.last
            last, former = await run_in_threadpool(self._begin, listener, after)
            yield _hello(last) + (LOST if former is None else b"".join(one.data for one in former if listener.hears(one)))
            spoke = monotonic()
            while not (listener.over or self._ended):
                bell, news = self._ring.bell, self._ring.after(number)
                number = self._ring.last
                # What was committed while it began may be in both.
                told = (
                    LOST
                    if news is None
                    else b"".join(one.data for one in news if one.seq not in range(1, last + 1) and listener.hears(one))
                )
                if not told and monotonic() - spoke >= BEAT_S:
                    told = message({"kind": "beat", "wall_ms": wall_ms()})
                if told:
                    yield told
                    spoke = monotonic()
                elif not news:
                    await _rings(bell, BEAT_S)
        finally:
            self._listeners.discard(listener)

    def end(self) -> None:
        """The server ends, and every stream with it. From any thread."""
        self._ended = True
        self._call(self._ring.tell, [])

    def _join(self, caller: CallerOf) -> Listener:
        listener = Listener(caller)
        self._listeners.add(listener)
        if self._watching is None:
            self._loop = asyncio.get_running_loop()
            self._watching = self._loop.create_task(self._watch())
        return listener

    def _begin(self, listener: Listener, after: str) -> tuple[int, list[News] | None]:
        """The newest event, and what the listener has missed since it was last here."""
        with self.store.read() as db:
            listener.ask(db)
            last = newest(db)
            return last, missed(db, after, last) if after else []

    async def _watch(self) -> None:
        """Look, as long as somebody listens."""
        look = Look(self.store)
        while self._listeners and not self._ended:
            try:
                news = await run_in_threadpool(self._take, look)
                self._looked.set()
                if news or any(one.over for one in self._listeners):
                    self._ring.tell(news)
            except Exception:  # the database is away, for example: what it tells when it is back goes on from here
                log.exception("a look for the listening pages failed")
            await _rings(self._wake, LOOK_S)
            self._wake.clear()
        self._looked.clear()
        self._watching = None

    def _take(self, look: Look) -> list[News]:
        """What is new, for those who may still hear it."""
        if self._rights_moved or monotonic() - self._asked_at > RIGHTS_S:
            self._rights_moved, self._asked_at = False, monotonic()
            with self.store.read() as db:
                for one in tuple(self._listeners):
                    one.ask(db)
        return look.news()

    def _committed(self, written: frozenset[str]) -> None:
        """In the thread that made the change."""
        if self._listeners:
            self._rights_moved |= bool(written & RIGHTS)
            self._call(self._wake.set)

    def _call(self, function: Callable[..., None], *given: object) -> None:
        """In the server's event loop; where it has ended, nobody listens."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *given)


def _hello(last: int) -> bytes:
    said = {"kind": "hello", "boot": BOOT, "version": VERSION, "last": str(last), "wall_ms": wall_ms()}
    return b"retry: 1000\n" + message(said)


async def _rings(bell: asyncio.Event, wait_s: float) -> None:
    """Until it rings, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await bell.wait()

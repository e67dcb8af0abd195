"""The stream of what happens, at a real server, read by sockets: at once, from where one was, by right only, at no cost to others."""

import asyncio
import signal
import socket
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert

from regie.app import feed, feed_look
from regie.app.caller import CallerOf
from regie.app.feed import Ring
from regie.app.feed_look import News
from regie.base.clock import wall_ms
from regie.base.ids import new_id
from regie.store import actors
from regie.store.change import Store
from regie.store.database import Database
from regie.store.types import LOCAL, Actor
from regie.tracking.tables import experiments, latest_metrics, runs
from tests.support.platform import Platform, until
from tests.support.stream import READ_S, Reader

BUDGET_MS = 200
TABS = 50


class World:
    """A server, and a second hand on its database: another process, as far as the server knows."""

    def __init__(self, folder):
        self.platform = Platform(folder)
        self.platform.begin("server")
        self.port = self.platform.port
        self.store = Store(Database(f"sqlite:///{self.platform.home / 'regie.db'}"), None)
        self.people = 0

    @contextmanager
    def reading(self, query="", **headers):
        reader = Reader(self.port, query, **headers)
        try:
            yield reader
        finally:
            reader.close()

    def happens(self, workspace="flights"):
        """An event of another process; its subject."""
        self.people += 1
        name = f"p{self.people}"
        with self.store.change(LOCAL, "actor.add", name, workspace=workspace) as tx:
            actors.add(tx, name, ["viewer"], workspace=workspace)
        return name

    def person(self, workspace="flights"):
        self.people += 1
        with self.store.change(LOCAL, "actor.add", f"ann{self.people}", workspace=workspace) as tx:
            return f"ann{self.people}", actors.add(tx, f"ann{self.people}", ["viewer"], workspace=workspace)

    def cookie(self, token):
        """Of a session that was opened in the server itself."""
        with self.platform.http() as http_client:
            answer = http_client.post("/api/v1/session", json={"token": token}, headers={"origin": self.platform.address})
        return answer.headers["set-cookie"].partition(";")[0]

    def status(self, name):
        text = Path(f"/proc/{self.platform.processes['server'].popen.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:")))

    def close(self):
        self.store.database.close()
        self.platform.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("stream"))
    made.happens()
    yield made
    made.close()


def test_an_event_of_another_process_reaches_a_browser_within_200_ms_of_its_commit(world):
    took = []
    with world.reading() as reader:
        assert reader.next()["kind"] == "hello"
        for _ in range(8):
            name = world.happens()
            committed = time.monotonic()
            said = reader.next("event")
            took.append((time.monotonic() - committed) * 1000)
            assert (said["type"], said["subject"], said["workspace"]) == ("actor.added", name, "flights")
    assert sorted(took)[len(took) // 2] < BUDGET_MS, took


def test_what_the_server_itself_commits_is_told_without_waiting_for_a_look(world):
    with world.reading() as reader, world.platform.client("flights") as client:
        reader.next("hello")
        took = []
        for number in range(5):
            client.actors.add(f"own{number}", ["viewer"])
            committed = time.monotonic()
            assert reader.next("event")["subject"] == f"own{number}"
            took.append(time.monotonic() - committed)
    assert min(took) * 1000 < BUDGET_MS / 4, took


def test_who_comes_back_hears_what_it_missed_once_and_in_order(world):
    with world.reading() as reader:
        reader.next("hello")
        first = world.happens()
        at = reader.next("event")["at"]
    missed = [world.happens() for _ in range(5)]
    for query, header in (("", {"last_event_id": at}), (f"?after={at}", {}), ("?after=1", {"last_event_id": at})):
        with world.reading(query, **header) as reader:
            assert reader.next()["kind"] == "hello"
            assert [reader.next()["subject"] for _ in missed] == missed
            new = world.happens()
            missed = [*missed, new]
            assert reader.next("event")["subject"] == new
    assert first not in missed


@pytest.mark.parametrize("after", ["99999999", "x", "-1", "1" * 15])
def test_who_was_somewhere_else_is_told_to_ask_for_everything_anew(world, after):
    with world.reading(f"?after={after}") as reader:
        assert [reader.next()["kind"], reader.next()["kind"]] == ["hello", "lost"]
        assert reader.next("event") if world.happens() else None


def test_who_was_away_too_long_is_told_to_ask_for_everything_anew(tmp_path, sqlite_store, monkeypatch):
    monkeypatch.setattr(feed_look, "MOST_MISSED", 3)
    for number in range(6):
        with sqlite_store.change(LOCAL, "actor.add", f"p{number}", workspace="w") as tx:
            actors.add(tx, f"p{number}", ["viewer"], workspace="w")
    with sqlite_store.read() as db:
        assert [one.seq for one in feed_look.missed(db, "3", 6)] == [4, 5, 6]
        assert feed_look.missed(db, "2", 6) is None


def test_who_reads_too_slowly_for_the_ring_loses_its_place_and_costs_nothing(monkeypatch):
    ring = Ring()
    news = [News("w", number, b"x") for number in range(1, feed.KEPT + 11)]
    ring.tell(news[:10])
    assert ring.after(0) == news[:10]
    assert ring.after(10) == []
    ring.tell(news[10:])
    assert ring.after(9) is None
    assert ring.after(10) == news[10:]
    assert len(ring.kept) == feed.KEPT


def test_a_person_hears_what_happens_where_it_may_read_and_nothing_else(world):
    _, token = world.person("secret")
    with world.reading(authorization=f"Bearer {token}") as reader, world.reading(cookie=world.cookie(token)) as page:
        reader.next("hello")
        page.next("hello")
        world.happens("flights")
        mine = world.happens("secret")
        assert reader.next("event")["subject"] == page.next("event")["subject"] == mine


@pytest.mark.parametrize("how", ["signed out", "revoked"])
def test_a_stream_ends_with_its_session(world, how):
    name, token = world.person()
    cookie = world.cookie(token)
    with world.reading(cookie=cookie) as reader, world.platform.http() as http_client:
        assert reader.next()["kind"] == "hello"
        if how == "signed out":
            page = {"origin": world.platform.address, "cookie": cookie}
            assert http_client.delete("/api/v1/session", headers=page).status_code == 204
        else:
            assert http_client.post(f"/w/flights/api/v1/actors/{name}/tokens/revoke", json={"reason": "left"}).status_code == 200
        while (said := reader.next()) is not None:
            assert said["kind"] == "event"
    with world.reading(cookie=cookie) as again:
        assert again.answer.status == 401


def test_a_token_that_another_process_revoked_ends_its_stream_as_well(tmp_path, sqlite_store):
    with sqlite_store.change(LOCAL, "actor.add", "ann", workspace="w") as tx:
        token = actors.add(tx, "ann", ["viewer"], workspace="w")
    with sqlite_store.read() as db:
        known = actors.of_token(db, token, "w")
    listener = feed.Listener(feed.CallerOf(sqlite_store, known, "w"))
    with sqlite_store.read() as db:
        listener.ask(db)
    assert (listener.sees, listener.over) == (frozenset({"w"}), False)
    with sqlite_store.change(LOCAL, "token.revoke", "ann", workspace="w") as tx:
        actors.revoke_tokens(tx, "ann")
    with sqlite_store.read() as db:
        listener.ask(db)
    assert listener.over


def test_one_person_does_not_take_the_places_of_the_others(tmp_path, sqlite_store, monkeypatch):
    monkeypatch.setattr(feed, "MOST_OF_ONE", 2)
    news = feed.Feed(sqlite_store)
    local, ann = (CallerOf(sqlite_store, actors.everybody(one), "personal") for one in (LOCAL, Actor("ann")))

    async def listen():
        streams = [news.listen(local, "") for _ in range(feed.MOST_OF_ONE)]
        for one in streams:
            news.room(local)
            await anext(one)
        news.room(ann)
        with pytest.raises(feed.TooManyListeners):
            news.room(local)
        for one in streams:
            await one.aclose()
        news.room(local)

    asyncio.run(listen())


def test_it_is_told_once_which_runs_have_grown_and_the_runs_that_they_are_part_of(world):
    run_id = new_id()
    with world.store.change(LOCAL, "run.create", run_id, workspace="flights") as tx:
        tx.execute(
            insert(experiments).values(
                id="77", workspace="flights", name="x", lifecycle="active", created_wall_ms=0, updated_wall_ms=0
            )
        )
        key = tx.execute(
            insert(runs).values(
                id=run_id, workspace="flights", experiment_id="77", kind="", user="ann", status="RUNNING", start_wall_ms=0,
                lifecycle="active",
            )
        ).inserted_primary_key[0]  # fmt: skip
    with world.reading() as reader:
        reader.next("hello")
        until(lambda: _grows(world, key) and reader.next("measured")["runs"] == [run_id], "the run has grown")


def _grows(world, key):
    with world.store.measure() as batch:
        values = {"run": key, "key": f"m{wall_ms()}", "value": 1.0, "is_nan": False, "timestamp_wall_ms": wall_ms(), "step": 1}
        batch.execute(insert(latest_metrics).values(values))
    return True


def test_fifty_pages_cost_neither_threads_nor_memory(world):
    with world.reading() as reader:
        reader.next("hello")
        before = world.status("VmRSS"), world.status("Threads")
        readers = [Reader(world.port) for _ in range(TABS)]
        for one in readers:
            one.next("hello")
        for _ in range(20):
            name = world.happens()
        for one in [*readers, reader]:
            while one.next("event")["subject"] != name:
                pass
        after = world.status("VmRSS"), world.status("Threads")
        for one in readers:
            one.close()
    assert after[0] - before[0] < 8_000, (before, after)  # kB: 160 a page, most of it the connection's
    assert after[1] - before[1] <= 8, (before, after)  # of the pool that answers every request


def test_a_browser_that_takes_nothing_holds_nobody_up(world):
    deaf = socket.create_connection(("127.0.0.1", world.port), timeout=READ_S)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    deaf.sendall(b"GET /api/v1/stream HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n")
    with world.reading() as reader:
        reader.next("hello")
        for _ in range(10):
            name = world.happens()
            assert reader.next("event")["subject"] == name
    deaf.close()


def test_a_program_that_asks_for_it_without_knowing_is_told_what_it_is(world):
    with world.platform.http() as http_client:
        answer = http_client.get("/api/v1/stream")
    assert (answer.status_code, "text/event-stream" in answer.json()["do"]) == (422, True)


def test_open_streams_do_not_delay_the_end_of_the_server(world):
    """The last of this file: the server is gone afterwards."""
    readers = [Reader(world.port) for _ in range(3)]
    for one in readers:
        one.next("hello")
    world.platform.processes["server"].popen.send_signal(signal.SIGTERM)
    assert [one.next() for one in readers] == [None] * 3
    assert world.platform.processes["server"].popen.wait(READ_S) == 0
    assert "graceful" not in world.platform.log("server")
    for one in readers:
        one.close()

"""What nodes wait for: told at once, looked for once for all, and nobody is woken by a report that says nothing new."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from regie.app import wanted
from regie.app.api.nodes import Sync, _take_report
from regie.app.caller import CallerOf
from regie.app.wanted import Lookout
from regie.rollout import routes
from regie.rollout.types import Variant
from regie.store import actors
from regie.store.change import upsert
from regie.store.tables import nodes, settling
from regie.store.types import LOCAL, NOBODY_CAUSE, system
from tests.conftest import open_store
from tests.support.place import Place

FOREVER_S = 60.0  # no test waits so long: whatever ends before was ended by what it asserts


@pytest.fixture
def place(sqlite_store, tmp_path):
    return Place(sqlite_store, tmp_path)


def route(place, generation, version=1, store=None):
    """The release turn wants another route."""
    with (store or place.store).change(system("release"), "rollout.step", "loop", workspace="loop") as tx:
        table = (Variant(version, "champion", share=1 / generation),)
        made = routes.want(tx, place.scene.serves.endpoint, "prod", "loop", table, NOBODY_CAUSE)
    assert made == generation


@contextmanager
def looks(store):
    """Counts how often the database is read."""
    seen = []

    def begun(connection):
        seen.append(threading.current_thread().name)

    event.listen(store.database._read, "begin", begun)
    try:
        yield seen
    finally:
        event.remove(store.database._read, "begin", begun)


def own_threads():
    """Those in which a loop of events has its work done: what else this process does is not asked about."""
    return {one for one in threading.enumerate() if one.name.startswith(("AnyIO worker", "asyncio_"))}


async def waiting(lookout, generations, count=1):
    """So many nodes that wait, each of which has had its first look."""
    tasks = [asyncio.ensure_future(lookout.ahead(0, generations, {}, FOREVER_S)) for _ in range(count)]
    while lookout._last is None or len(lookout._bells) < count:
        await asyncio.sleep(0.005)
    return tasks


def test_a_node_that_is_behind_is_answered_at_once_with_its_route(place):
    version = place.register()
    route(place, 1, version)
    answer = asyncio.run(Lookout(place.store).ahead(0, {}, {}, FOREVER_S)).answer()
    assert answer["routes"]["endpoints"]["loop"]["generation"] == 1
    assert answer["routes"]["endpoints"]["loop"]["variants"][0]["version"] == version


def test_a_node_that_has_everything_waits_its_time_and_is_answered_too(place):
    found = asyncio.run(Lookout(place.store).ahead(0, {}, {}, 0.01))
    assert (found.endpoints, found.asked) == ({}, 0)


def test_a_change_of_this_server_ends_the_wait_without_a_look(place, monkeypatch):
    monkeypatch.setattr(wanted, "LOOK_S", FOREVER_S)
    version = place.register()
    route(place, 1, version)
    lookout = Lookout(place.store)

    async def both():
        (task,) = await waiting(lookout, {"loop": 1})
        await asyncio.to_thread(route, place, 2, version)
        return await task

    assert asyncio.run(both()).endpoints["loop"]["generation"] == 2


def test_a_change_by_another_server_of_the_same_database_is_seen(store, tmp_path):
    place = Place(store, tmp_path)
    version = place.register()
    route(place, 1, version)
    other = open_store(store.database.url, tmp_path)

    async def both():
        (task,) = await waiting(Lookout(store), {"loop": 1})
        await asyncio.to_thread(route, place, 2, version, other)
        return await task

    assert asyncio.run(both()).endpoints["loop"]["generation"] == 2
    other.database.close()


def test_a_flush_that_is_asked_for_ends_the_wait_though_no_audit_record_tells_of_it(place, monkeypatch):
    monkeypatch.setattr(wanted, "LOOK_S", FOREVER_S)
    lookout = Lookout(place.store)

    def ask():
        with place.under("train", "model.register") as tx:
            row = {"workspace": "loop", "flush": 7, "settled_ms": -1}
            tx.execute(upsert(tx.connection, settling, row, ["workspace"]))

    async def both():
        (task,) = await waiting(lookout, {})
        await asyncio.to_thread(ask)
        return await task

    assert asyncio.run(both()).asked == 7


def test_however_many_nodes_wait_they_hold_no_thread_and_share_their_looks(place, monkeypatch):
    monkeypatch.setattr(wanted, "LOOK_S", FOREVER_S)
    version = place.register()
    route(place, 1, version)
    lookout = Lookout(place.store)

    async def all_of_them(seen):
        tasks = await waiting(lookout, {"loop": 1}, count=300)
        at_rest, threads = len(seen), own_threads() - before
        await asyncio.to_thread(route, place, 2, version)
        return at_rest, threads, await asyncio.gather(*tasks)

    before = own_threads()
    with looks(place.store) as seen:
        at_rest, threads, found = asyncio.run(all_of_them(seen))
    assert {one.endpoints["loop"]["generation"] for one in found} == {2}
    assert len(threads) <= 1  # the one that looked, and is kept for the next look
    for thread in own_threads() - before:
        thread.join(FOREVER_S)  # it was told to end, and does so when it comes to it
        assert not thread.is_alive()
    assert (at_rest, len(seen)) == (
        1,
        3,
    )  # one look at first, one after the change; `route` itself reads the file that is applied


def test_what_changes_nothing_for_nodes_wakes_none_of_them(place, monkeypatch):
    monkeypatch.setattr(wanted, "LOOK_S", FOREVER_S)
    lookout = Lookout(place.store)

    async def both(seen):
        (task,) = await waiting(lookout, {})
        before = len(seen)
        for _ in range(20):
            await asyncio.to_thread(place.register)
        assert len(seen) == before
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with looks(place.store) as seen:
        asyncio.run(both(seen))


# --- reports ---


def report(place, driven=False, **said):
    body = Sync(nonce="n", address="here", **said)
    _take_report(CallerOf(place.store, actors.everybody(LOCAL), "loop"), driven, "n1", body)


@pytest.fixture
def woken(place):
    seen = []
    place.store.on_commit.append(seen.append)
    return seen


def test_a_report_that_says_nothing_new_wakes_no_turn_and_keeps_the_node_alive(place, woken):
    report(place, generations={"loop": 1}, flush=1)
    with place.store.read() as db:
        first = db.execute(select(nodes)).one()
    for flush in (2, 3):
        report(place, generations={"loop": 1}, flush=flush, last_id="a" * 32)
    with place.store.read() as db:
        last = db.execute(select(nodes)).one()
    assert len(woken) == 1
    assert (last.flush, last.last_id) == (3, "a" * 32)
    assert last.seen_wall_ms >= first.seen_wall_ms


@pytest.mark.parametrize("news", [
    {"generations": {"loop": 2}}, {"failed": {"loop": "generation 2: no"}}, {"variants": {"loop": {"2": {"fallbacks": 1}}}}, {"tag": 9},
])  # fmt: skip
def test_a_report_that_says_something_new_wakes_the_turns(place, woken, news):
    report(place, generations={"loop": 1})
    report(place, **{"generations": {"loop": 1}} | news)
    assert woken == [{"nodes"}, {"nodes"}]


def test_on_a_driven_clock_a_flush_is_news_since_somebody_asked_for_it(place, woken):
    for flush in (1, 1, 2):
        report(place, driven=True, flush=flush)
    assert len(woken) == 2

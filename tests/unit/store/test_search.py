"""Events and audit records are found by what they say and when, a page at a time, on both databases; causes and effects are walked."""

import pytest
from sqlalchemy import event, insert, text

from regie.base.ids import new_id
from regie.store import search
from regie.store.search import SoughtEvents, SoughtRecords, Stretch
from regie.store.tables import workspaces
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor, system

ADA = Actor("ada", frozenset({"engineer"}))
HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "é" * 10_000


def happen(store, kind, subject, workspace="w", cause=NOBODY_CAUSE, actor=LOCAL):
    """One change with one event; returns what a later one is caused by."""
    with store.change(actor, "workspace.create", subject, workspace=workspace, cause=cause) as tx:
        row = {"name": new_id(), "clock": "wall", "now_ms": 0, "secret": "", "created_ms": 0}
        tx.execute(insert(workspaces).values(**row))
        return tx.event(kind, subject, cause=cause)


@pytest.fixture
def told(store):
    return tell(store)


def tell(store):
    """Forty events of two workspaces, and one refusal."""
    for number in range(10):
        for workspace in ("w", "other"):
            happen(store, "a.happened", f"a{number % 3}", workspace)
            happen(store, "b.happened", "b", workspace, actor=ADA if number == 7 else LOCAL)
    store.note_refusal(ADA, "champion.set", "model@champion", "forbidden", workspace="w")
    return store


def found(store, workspace="w", limit=100, **sought):
    with store.read() as db:
        return [(one.type, one.subject, one.seq) for one in search.find_events(db, workspace, SoughtEvents(**sought), limit)]


def records(store, workspace="w", limit=100, **sought):
    with store.read() as db:
        return search.find_records(db, workspace, SoughtRecords(**sought), limit)


def test_pages_hold_every_event_of_the_workspace_once_newest_first(told):
    seen, before = [], None
    while page := found(told, limit=7, within=Stretch(before=before)):
        seen += [seq for _, _, seq in page]
        before = seen[-1]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 20
    forwards = [seq for _, _, seq in found(told, within=Stretch(after=0, forwards=True))]
    assert forwards == seen[::-1]


def test_filters_of_events_meet(told):
    assert {kind for kind, _, _ in found(told, types=("b.happened",))} == {"b.happened"}
    both = found(told, types=("a.happened", "b.happened"), limit=6)
    assert [seq for _, _, seq in both] == [seq for _, _, seq in found(told, limit=6)]
    assert {name for _, name, _ in found(told, subject="a1")} == {"a1"}
    assert found(told, subject="a1", types=("b.happened",)) == []
    assert found(told, subject="a", types=()) == []  # the whole name, not its beginning
    assert found(told, "nowhere") == []


def test_a_subject_of_any_length_is_kept_and_found(store):
    happen(store, "a.happened", HOSTILE)
    happen(store, "a.happened", HOSTILE + "!")
    assert [name for _, name, _ in found(store, subject=HOSTILE)] == [HOSTILE]
    assert [one["target"] for one in records(store, target=HOSTILE)] == [HOSTILE]


def test_a_stretch_of_time_bounds_what_is_found_also_where_a_clock_was_set_back(told):
    with told.database.write() as db:
        db.execute(text("UPDATE events SET time_ms = seq * 1000"))
        db.execute(text("UPDATE events SET time_ms = 500 WHERE seq = 9"))
    within = Stretch(from_ms=4_000, to_ms=12_000)
    seen = [seq for _, _, seq in found(told, within=within)]
    assert seen == sorted(seen, reverse=True)
    assert seen != []
    assert all(4 <= seq < 12 and seq != 9 for seq in seen)
    assert 9 in [seq for _, _, seq in found(told, within=Stretch(to_ms=1_000))]
    assert found(told, within=Stretch(from_ms=10**15)) == []


def test_what_is_newer_than_a_number_can_be_asked_for(told):
    newest = found(told)[3][2]
    assert len(found(told, within=Stretch(after=newest))) == 3


def test_records_are_found_by_actor_action_target_and_result(told):
    assert {one["actor"] for one in records(told, actor="ada")} == {"ada"}
    assert [one["action"] for one in records(told, result="refused")] == ["champion.set"]
    assert {one["result"] for one in records(told, result="done", limit=3)} == {"done"}
    assert records(told, actor="ada", result="done") != records(told, actor="ada")
    assert [one["target"] for one in records(told, target="b", actor="ada")] == ["b"]
    assert records(told, action="champion.set", actor="local") == []


def test_records_of_every_workspace_come_in_one_order(told):
    everywhere = records(told, None)
    assert [one["seq"] for one in everywhere] == list(range(41, 0, -1))
    assert {one["workspace"] for one in records(told, None, result="refused")} == {"w"}
    assert {one["workspace"] for one in records(told)} == {"w"}


def test_every_filter_is_led_by_an_index(sqlite_store):
    told = tell(sqlite_store)  # PostgreSQL plans by its statistics: with forty rows it needs no index
    asked = [
        lambda db: search.find_events(db, "w", SoughtEvents()), lambda db: search.find_events(db, "w", SoughtEvents(("a.happened",))),
        lambda db: search.find_events(db, "w", SoughtEvents(subject="a1")),
        lambda db: search.find_events(db, "w", SoughtEvents(correlation="0" * 32)),
        lambda db: search.find_events(db, "w", SoughtEvents(within=Stretch(from_ms=1))),
        lambda db: search.find_records(db, "w", SoughtRecords("ada")), lambda db: search.find_records(db, "w", SoughtRecords("", "x")),
        lambda db: search.find_records(db, "w", SoughtRecords(target="t")),
        lambda db: search.find_records(db, "w", SoughtRecords(result="refused")),
        lambda db: search.find_records(db, "w", SoughtRecords(within=Stretch(to_ms=10**15))),
    ]  # fmt: skip
    for ask in asked:
        for statement, values in statements_of(told, ask):
            with told.read() as db:
                plan = " ".join(row[3] for row in db.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values))
            assert "SCAN" not in plan, (statement, plan)
            assert "TEMP B-TREE" not in plan, (statement, plan)


def statements_of(told, ask):
    seen = []
    with told.read() as db:
        event.listen(db, "before_cursor_execute", lambda *said: seen.append((said[2], said[3])))
        ask(db)
    return seen


def test_a_walk_has_causes_above_and_effects_below_each_under_its_own(store):
    root = happen(store, "a.happened", "root")
    middle = happen(store, "a.happened", "middle", cause=root)
    happen(store, "a.happened", "leaf", cause=middle)
    happen(store, "a.happened", "aside", cause=root)
    happen(store, "a.happened", "elsewhere", workspace="other", cause=middle)
    with store.read() as db:
        found = search.walk(db, "w", middle.causationid)
        whole = search.walk(db, "w", root.causationid)
        assert search.walk(db, "other", middle.causationid) is None
        assert search.walk(db, "w", "nothing") is None
    assert [(one.depth, one.event.subject) for one in found.links] == [(0, "root"), (1, "middle"), (2, "leaf")]
    assert [(one.depth, one.event.subject) for one in whole.links] == [(0, "root"), (1, "middle"), (2, "leaf"), (1, "aside")]
    assert not whole.more


def test_a_walk_through_forged_causes_that_go_in_a_circle_ends(store):
    first = happen(store, "a.happened", "first")
    second = happen(store, "a.happened", "second", cause=first)
    with store.database.write() as db:
        db.execute(text("UPDATE events SET causationid = :id WHERE subject = 'first'"), {"id": second.causationid})
    with store.read() as db:
        links = search.walk(db, "w", first.causationid).links
    assert sorted(one.event.subject for one in links) == ["first", "second"]


def test_what_there_is_to_choose_from_is_what_there_is(told):
    with told.read() as db:
        assert search.types_of(db, "w") == ["a.happened", "b.happened"]
        assert search.named_of(db, None, "actor", 10) == ["ada", "local"]
        assert search.named_of(db, "w", "action", 1) == ["champion.set"]


def test_a_turn_is_an_actor_like_any_other(store):
    with store.change(system("watch"), "signal.record", "m", workspace="w") as tx:
        tx.execute(insert(workspaces).values(name="x", clock="wall", now_ms=0, secret="", created_ms=0))
    assert [one["actor"] for one in records(store, actor="system:watch")] == ["system:watch"]

"""Change: rows, events and the audit record appear together or not at all."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from regie.base.errors import NotAllowed
from regie.store import audit, events
from regie.store.change import Change, Store
from regie.store.tables import audit_records, jobs, tokens, workspaces
from regie.store.tables import events as events_table
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor, Cause, system

FIXTURE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def put(tx: Change, name: str) -> None:
    tx.execute(insert(workspaces).values(name=name, clock="wall", now_ms=0, secret="", created_ms=0))
    tx.event("workspace.created", name)


def counted(store: Store) -> tuple[int, int, int]:
    with store.read() as db:
        tables = (workspaces, events_table, audit_records)
        rows, happened, recorded = (db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    return rows, happened, recorded


def test_a_change_writes_its_rows_its_event_and_one_audit_record(store: Store) -> None:
    with store.change(LOCAL, "workspace.create", "churn", "first") as tx:
        put(tx, "churn")
    assert counted(store) == (1, 1, 1)
    with store.read() as db:
        record = next(audit.records(db))
    assert (record["actor"], record["action"], record["target"], record["reason"]) == (
        "local",
        "workspace.create",
        "churn",
        "first",
    )
    assert [event["id"] for event in record["events"]]


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError), store.change(LOCAL, "workspace.create", "churn") as tx:  # noqa: PT012
        put(tx, "churn")
        raise RuntimeError("in the middle")
    assert counted(store) == (0, 0, 0)


def test_a_repeat_that_changes_no_row_leaves_no_trace(store: Store) -> None:
    with store.change(LOCAL, "workspace.create", "churn") as tx:
        put(tx, "churn")
    for _ in range(2):
        with store.change(LOCAL, "workspace.create", "churn") as tx:
            tx.execute(update(workspaces).where(workspaces.c.name == "nobody").values(secret="x"))
    assert counted(store) == (1, 1, 1)


def test_an_event_without_a_change_is_a_mistake_and_is_not_written(store: Store) -> None:
    with pytest.raises(AssertionError, match="changed no row"), store.change(LOCAL, "workspace.create", "churn") as tx:
        tx.event("workspace.created")
    assert counted(store) == (0, 0, 0)


def test_a_refusal_is_audited_once_a_minute_and_counted(store: Store) -> None:
    for _ in range(3):
        with pytest.raises(NotAllowed), store.change(LOCAL, "champion.set", "churn") as tx:
            put(tx, "churn")
    rows, happened, recorded = counted(store)
    assert (rows, happened) == (0, 0)
    assert 1 <= recorded <= 2  # two where the minute turned in between
    with store.read() as db:
        assert next(audit.records(db))["result"] == "refused"


def test_routes_and_champions_change_under_no_other_action(store: Store) -> None:
    from regie.rollout.tables import routes

    row = {
        "workspace": "w",
        "endpoint": "e",
        "environment": "prod",
        "model": "m",
        "generation": 1,
        "variants": "[]",
        "changed_ms": 0,
    }
    with pytest.raises(NotAllowed, match="changes only under"), store.change(LOCAL, "workspace.create", "w") as tx:
        tx.execute(insert(routes).values(**row))
    with store.change(system("release"), "rollout.step", "r") as tx:
        tx.execute(insert(routes).values(**row))


def test_the_database_itself_refuses_a_write_by_a_reader(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)readonly|read-only"), store.read() as db:  # noqa: PT012
        db.execute(insert(tokens).values(hash="h", actor="a", kind="person", scope=""))
        db.commit()


def test_a_domain_row_cannot_be_written_as_machinery_or_measurement(store: Store) -> None:
    for way in (store.machinery, store.measure):
        with pytest.raises(PermissionError), way() as batch:
            batch.execute(insert(workspaces).values(name="x", clock="wall", now_ms=0, secret="", created_ms=0))
    with pytest.raises(PermissionError), store.measure() as batch:
        batch.execute(update(jobs).values(state="done"))


def test_causes_run_through_events(store: Store) -> None:
    with store.change(LOCAL, "workspace.create", "a") as tx:
        put(tx, "a")
        first = tx.event("workspace.created", "again")
    with store.change(LOCAL, "workspace.create", "b", cause=first) as tx:
        put(tx, "b")
    with store.read() as db:
        effect = events.effects(db, first.causationid)[0]
    assert (effect.subject, effect.correlationid) == ("b", first.correlationid)


@FIXTURE
@given(changes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=8))
def test_rows_events_and_record_appear_together_or_not_at_all(sqlite_store: Store, changes: list[tuple[int, int, bool]]) -> None:
    """Any sequence of changes, some of which fail in the middle: the log tells exactly what is there."""
    with sqlite_store.read() as db:
        before = db.execute(select(func.count()).select_from(audit_records)).scalar_one()
        names = db.execute(select(func.count()).select_from(workspaces)).scalar_one()
    expected_rows, expected_records = 0, 0
    for number, (rows, extra, fails) in enumerate(changes):
        try:
            with sqlite_store.change(LOCAL, "workspace.create", f"c{number}") as tx:
                for row in range(rows):
                    put(tx, f"w{names}-{before}-{number}-{row}")
                for _ in range(extra if rows else 0):
                    tx.event("workspace.created")
                if fails:
                    raise RuntimeError
        except RuntimeError:
            continue
        expected_rows += rows
        expected_records += rows > 0
    with sqlite_store.read() as db:
        assert db.execute(select(func.count()).select_from(workspaces)).scalar_one() == names + expected_rows
        assert db.execute(select(func.count()).select_from(audit_records)).scalar_one() == before + expected_records
        audit.verify(db)


def in_threads(count: int, deed: Callable[[int], None]) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            deed(number)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_concurrent_changes_never_fork_the_chain_nor_hide_an_event(store: Store) -> None:
    """Eight writers at once, and a consumer that reads behind them with an offset."""
    seen: list[int] = []
    done = threading.Event()

    def consume() -> None:
        offset = 0
        while True:
            last = done.is_set()
            with store.read() as db:
                found = events.after(db, offset)
            seen.extend(event.seq for event in found)
            offset = found[-1].seq if found else offset
            if last and not found:
                return

    def write(number: int) -> None:
        for turn in range(15):
            with store.change(LOCAL, "workspace.create", f"w{number}", cause=NOBODY_CAUSE) as tx:
                put(tx, f"w{number}-{turn}")

    reader = threading.Thread(target=consume)
    reader.start()
    in_threads(8, write)
    done.set()
    reader.join()
    assert seen == list(range(1, 8 * 15 + 1))
    with store.read() as db:
        assert audit.verify(db).records == 8 * 15


def test_a_task_is_refused_what_only_a_person_may(store: Store) -> None:
    task = Actor("task", kind="task", scope="run:1")
    with pytest.raises(NotAllowed), store.change(task, "workspace.create", "w", cause=Cause()) as tx:
        put(tx, "w")
    assert counted(store)[:2] == (0, 0)


def test_a_write_inside_a_write_is_a_mistake_not_a_deadlock(sqlite_store: Store) -> None:
    with pytest.raises(AssertionError, match="inside a write"), sqlite_store.machinery(), sqlite_store.measure():
        pass
    with sqlite_store.change(LOCAL, "workspace.create", "after") as tx:
        put(tx, "after")
    assert counted(sqlite_store) == (1, 1, 1)

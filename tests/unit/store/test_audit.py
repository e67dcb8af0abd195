"""The audit chain: whatever is altered, verify names the record."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from regie.store import audit
from regie.store.database import Database
from regie.store.tables import workspaces
from regie.store.types import LOCAL
from tests.conftest import open_store

RECORDS = 25
COPIED = "type, workspace, subject, time_ms, wall_ms, correlationid, causationid, data"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a known chain, closed and checkpointed into one file."""
    folder = tmp_path_factory.mktemp("audit")
    store = open_store(f"sqlite:///{folder / 'regie.db'}", folder)
    for number in range(RECORDS):
        with store.change(LOCAL, "workspace.create", f"w{number}", workspace="w") as tx:
            tx.execute(insert(workspaces).values(name=f"w{number}", clock="wall", now_ms=0, secret="", created_ms=0))
            tx.event("workspace.created", f"w{number}", number=number)
    store.database.close()
    with sqlite3.connect(folder / "regie.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "regie.db"


def altered(original: Path, folder: Path, *statements: str) -> Database:
    """A copy in which somebody ran these statements."""
    copy = folder / "copy.db"
    shutil.copy(original, copy)
    connection = sqlite3.connect(copy)
    for statement in statements:
        assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()
    return Database(f"sqlite:///{copy}")


def broken(database: Database, anchor: dict[str, object] | None = None) -> str:
    with pytest.raises(audit.ChainBroken) as caught, database.read() as db:
        audit.verify(db, anchor)
    database.close()
    return caught.value.where


def test_an_untouched_chain_verifies(original: Path, tmp_path: Path) -> None:
    copy = Database(f"sqlite:///{shutil.copy(original, tmp_path / 'copy.db')}")
    with copy.read() as db:
        assert (audit.verify(db).records, audit.verify(db, audit.anchor(db)).events) == (RECORDS, RECORDS)
    copy.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_changed_character_of_any_record_is_found_and_named(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, RECORDS))
    with sqlite3.connect(original) as connection:
        record: str = connection.execute("SELECT record FROM audit_records WHERE seq = ?", (seq,)).fetchone()[0]
    at = data.draw(st.integers(0, len(record) - 1))
    other = data.draw(st.sampled_from("x7").filter(lambda c: c != record[at]))
    sql = f"UPDATE audit_records SET record = substr(record, 1, {at}) || '{other}' || substr(record, {at + 2}) WHERE seq = {seq}"
    assert broken(altered(original, tmp_path, sql)) == f"record {seq}"


@pytest.mark.parametrize(
    ("sql", "record"),
    [
        ("DELETE FROM audit_records WHERE seq = 7", 7),
        ("UPDATE audit_records SET actor = 'nobody' WHERE seq = 9", 9),
        ("UPDATE audit_records SET hash = prev_hash WHERE seq = 3", 3),
        ("UPDATE events SET data = '{}' WHERE seq = 11", 11),
        ("UPDATE events SET time_ms = time_ms + 1 WHERE seq = 12", 12),
        ("DELETE FROM events WHERE seq = 13", 13),
        (f"INSERT INTO events SELECT 26, 'ff', {COPIED} FROM events WHERE seq = 1", 25),
        ("DELETE FROM audit_records WHERE seq > 15", 16),
    ],
)  # fmt: skip
def test_whatever_is_altered_the_first_wrong_record_is_named(original: Path, tmp_path: Path, sql: str, record: int) -> None:
    assert broken(altered(original, tmp_path, sql)) == f"record {record}"


def test_a_tail_cut_with_its_head_mended_is_found_by_the_anchor_alone(original: Path, tmp_path: Path) -> None:
    whole = Database(f"sqlite:///{original}")
    with whole.read() as db:
        anchor = audit.anchor(db)
    whole.close()
    cut = (
        "DELETE FROM audit_records WHERE seq > 15",
        "DELETE FROM events WHERE seq > 15",
        "UPDATE head SET audit_seq = 15, event_seq = 15, hash = (SELECT hash FROM audit_records WHERE seq = 15)",
    )
    shortened = altered(original, tmp_path, *cut)
    with shortened.read() as db:
        assert audit.verify(db).records == 15
    assert broken(shortened, anchor) == "record 16"


def test_a_rewritten_chain_is_found_by_the_anchor(original: Path, tmp_path: Path) -> None:
    anchor = {"seq": 5, "hash": "0" * 64}
    assert broken(Database(f"sqlite:///{shutil.copy(original, tmp_path / 'c.db')}"), anchor) == "record 5"

"""The audit chain of a database without a server: any damage is named, none is a crash, and nothing is written."""

import sqlite3

import pytest

from regie.app.home import open_home
from regie.base.errors import BadInput, NotFound, RegieError, Unreachable
from regie.cli.audit import read_anchor
from regie.cli.offline import verify_database
from regie.cli.root import run
from regie.store import audit
from regie.store.database import Database
from regie.store.tables import workspaces
from regie.store.types import LOCAL


@pytest.fixture
def database(tmp_path, monkeypatch):
    """A home's database after a few changes, all of it in one file."""
    monkeypatch.delenv("REGIE_DATABASE", raising=False)
    home = open_home(tmp_path / "home")
    for number in range(5):
        with home.store.change(LOCAL, "workspace.create", f"w{number}", "test", workspace=f"w{number}") as tx:
            tx.execute(workspaces.insert().values(name=f"w{number}", clock="wall", now_ms=0, secret="s", created_ms=0))
            tx.event("workspace.created", f"w{number}")
    home.store.database.close()
    file = tmp_path / "home" / "regie.db"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return file


def change(file, statement, *values):
    with sqlite3.connect(file) as db:
        db.execute(statement, values)
    db.close()


def test_a_whole_chain_holds_by_path_and_by_url(database):
    found = verify_database(str(database), None)
    assert (found["verified"], found["records"], found["events"]) == (True, 5, 5)
    assert verify_database(f"sqlite:///{database}", None) == found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET record = replace(record, 'w2', 'w9') WHERE seq = 3",
        "UPDATE audit_records SET actor = 'other' WHERE seq = 3",
        "DELETE FROM audit_records WHERE seq = 3",
        "UPDATE events SET data = '{\"a\":1}' WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3",
    ],
)
def test_what_was_changed_or_removed_is_named(database, statement):
    change(database, statement)
    with pytest.raises(audit.ChainBroken, match="record 3"):
        verify_database(str(database), None)


def test_a_cut_tail_is_found_by_the_anchor(database, tmp_path):
    opened = Database(f"sqlite:///{database}")
    with opened.read() as db:
        anchor = audit.anchor(db)
        earlier = db.execute(audit.audit_records.select().where(audit.audit_records.c.seq == 3)).one()
    opened.close()
    change(database, "DELETE FROM audit_records WHERE seq > 3")
    change(database, "DELETE FROM events WHERE seq > 3")
    change(database, "UPDATE head SET audit_seq = 3, event_seq = 3, hash = ?", earlier.hash)
    assert verify_database(str(database), None)["records"] == 3  # without an anchor nothing can be seen
    with pytest.raises(audit.ChainBroken, match="record 4"):
        verify_database(str(database), anchor)


def test_a_byte_that_is_no_text_any_more_is_an_error_and_no_crash(database, capsys):
    change(database, "UPDATE audit_records SET record = CAST(X'7BFF' || substr(CAST(record AS BLOB), 3) AS TEXT) WHERE seq = 3")
    assert run(["audit", "verify", "--database", str(database)]) == 1
    assert capsys.readouterr().out == ""


def test_a_file_that_is_no_database_is_said_so(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RegieError, match="cannot be read") as caught:
        verify_database(str(tmp_path / "x.db"), None)
    assert caught.value.exit_code == 1


def test_a_missing_file_is_not_found_and_not_made(tmp_path):
    with pytest.raises(NotFound):
        verify_database(str(tmp_path / "x.db"), None)
    assert not (tmp_path / "x.db").exists()


def test_a_database_server_that_does_not_answer_is_unreachable_and_its_password_is_not_shown():
    with pytest.raises(Unreachable) as caught:
        verify_database("postgresql://me:secret@127.0.0.1:1/regie", None)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"seq": "1", "hash": "x"}', '{"seq": 1}', "\x00"])
def test_what_is_no_anchor_is_refused(tmp_path, content):
    (tmp_path / "anchor.json").write_text(content)
    with pytest.raises(BadInput, match="not an anchor"):
        read_anchor(tmp_path / "anchor.json")


def test_a_missing_anchor_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="no such file"):
        read_anchor(tmp_path / "anchor.json")

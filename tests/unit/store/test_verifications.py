"""The whole chain is verified by one at a time, in steps between which others write; what was found is remembered."""

import threading

import pytest
from sqlalchemy import insert, text

from regie.base.errors import Conflict
from regie.store import verifications
from regie.store.audit import REASONS, ChainBroken, anchor
from regie.store.tables import workspaces
from regie.store.types import LOCAL
from regie.store.verifications import Verifier


def write(store, count, prefix="w"):
    for number in range(count):
        with store.change(LOCAL, "workspace.create", f"{prefix}{number}", workspace="w") as tx:
            tx.execute(insert(workspaces).values(name=f"{prefix}{number}", clock="wall", now_ms=0, secret="", created_ms=0))
            tx.event("workspace.created", f"{prefix}{number}")


def latest(store):
    with store.read() as db:
        found = verifications.latest(db)
        return found, [verifications.still(db, one) for one in found]


def test_what_was_found_is_remembered_with_its_hash_and_by_whom(store):
    write(store, 5)
    verified = Verifier(store).verify("ada")
    (found,), still = latest(store)
    assert (found.by, found.records, found.events, found.hash, found.broken, still) == ("ada", 5, 5, verified.hash, None, [True])
    with store.read() as db:
        assert verifications.length(db) == 5
        assert Verifier(store).verify("ada", anchor(db)).hash == verified.hash


def test_others_write_between_the_steps_and_their_records_are_checked_too(store, monkeypatch):
    write(store, 6)
    monkeypatch.setattr(verifications, "STEP", 2)
    verifier, rest, wrote = Verifier(store), verifications.time.sleep, []

    def write_one(seconds):
        if not wrote:
            wrote.append(seconds)
            write(store, 3, "late")
        rest(seconds)

    monkeypatch.setattr(verifications.time, "sleep", write_one)
    assert verifier.verify("local").records == 9


def test_a_broken_chain_is_remembered_with_the_number_of_the_first_wrong_record(store):
    write(store, 5)
    with store.database.write() as db:
        db.execute(text("UPDATE audit_records SET record = replace(record, 'w2', 'w9') WHERE seq = 3"))
    with pytest.raises(ChainBroken, match="audit record 3"):
        Verifier(store).verify("local")
    (found,), _ = latest(store)
    assert (found.broken, found.reason, found.records) == (3, "record.changed", 2)
    assert found.reason in REASONS


def test_a_tail_that_was_cut_since_is_seen_without_verifying_again(store):
    write(store, 5)
    Verifier(store).verify("local")
    with store.database.write() as db:
        db.execute(text("DELETE FROM audit_records WHERE seq > 3"))
    assert latest(store)[1] == [False]


@pytest.mark.parametrize("seq", [0, -7])
def test_a_record_or_event_before_the_first_one_is_found(store, seq):
    write(store, 3)
    with store.database.write() as db:
        db.execute(text(f"INSERT INTO events SELECT {seq}, 'forged', type, workspace, subject, time_ms, wall_ms, correlationid,"
                        " causationid, data FROM events WHERE seq = 1"))  # fmt: skip
    with pytest.raises(ChainBroken):
        Verifier(store).verify("local")


def test_a_second_one_is_told_how_far_the_first_is_instead_of_taking_its_core(store, monkeypatch):
    write(store, 6)
    monkeypatch.setattr(verifications, "STEP", 2)
    verifier, inside, go = Verifier(store), threading.Event(), threading.Event()

    def wait(seconds):
        inside.set()
        go.wait(30)

    monkeypatch.setattr(verifications.time, "sleep", wait)
    first = threading.Thread(target=verifier.verify, args=("ada",))
    first.start()
    assert inside.wait(30)
    with pytest.raises(Conflict, match="2 of 6 records"):
        verifier.verify("local")
    assert (verifier.progress.by, verifier.progress.records, verifier.progress.of) == ("ada", 2, 6)
    go.set()
    first.join(30)
    assert verifier.progress is None
    assert verifier.verify("local").records == 6


def test_only_the_newest_hundred_are_remembered(store, monkeypatch):
    write(store, 1)
    monkeypatch.setattr(verifications, "KEPT", 3)
    for _ in range(5):
        Verifier(store).verify("local")
    assert len(latest(store)[0]) == 3

"""The invariants of people and their approvals: silent on what people really did, and each named where a careless hand broke it."""

import sqlite3

import pytest

from regie.app.invariants import broken
from regie.loop import approve
from regie.store import actors, sessions
from regie.store.database import Database
from regie.store.types import LOCAL, Actor
from tests.conftest import open_store
from tests.support.asking import ANN, BEN, made, passed, ran, turn
from tests.support.place import Place

OURS = ("tokens.people", "sessions.people", "grants.people", "approvals.one", "approvals.before", "approvals.people")
# One statement each, and the invariant that it breaks.
DAMAGE = {
    "UPDATE tokens SET actor = 'mallory' WHERE kind = 'person'": "tokens.people",
    "UPDATE actors SET revoked_wall_ms = 1 WHERE name = 'ann'": "tokens.people",
    "UPDATE sessions SET actor = 'mallory' WHERE token IS NOT NULL": "sessions.people",
    "UPDATE sessions SET token = 'a token'": "sessions.people",
    "UPDATE session_codes SET token = NULL": "sessions.people",
    "UPDATE session_codes SET hash = 'code ' || actor": "sessions.people",
    "UPDATE grants SET actor = 'mallory'": "grants.people",
    "UPDATE grants SET revoked_wall_ms = NULL WHERE actor = 'eve'": "grants.people",
    "UPDATE approvals SET state = 'pending', decided_ms = NULL, decided_by = ''": "approvals.one",
    "UPDATE approvals SET decided_ms = 1 WHERE state = 'pending'": "approvals.one",
    "UPDATE approvals SET decided_by = '' WHERE state = 'refused'": "approvals.one",
    "UPDATE approvals SET decided_ms = decided_ms + 86400000 * 30 WHERE state = 'granted'": "approvals.before",
    "UPDATE approvals SET state = 'expired', decided_by = '' WHERE state = 'granted'": "approvals.before",
    "UPDATE model_versions SET package = 'sha256:another'": "approvals.before",
    "UPDATE rollouts SET version = 2": "approvals.before",
    "UPDATE approvals SET decided_by = 'mallory' WHERE state = 'granted'": "approvals.people",
    "UPDATE approvals SET state = 'granted' WHERE state = 'refused'": "approvals.people",
    "DELETE FROM approvals WHERE state = 'refused'": "approvals.people",
    "UPDATE events SET data = replace(data, 'validator', 'viewer') WHERE type = 'actor.added'": "approvals.people",
    "UPDATE events SET seq = seq + 10000 WHERE type = 'actor.added'": "approvals.people",
    "UPDATE events SET data = replace(data, '\"deny\":[]', '\"deny\":[\"approval.grant\"]') WHERE type = 'actor.added'":
        "approvals.people",
    "UPDATE model_versions SET \"user\" = 'ann'": "approvals.people",
    "UPDATE pipeline_runs SET \"by\" = 'ann'": "approvals.people",
    "UPDATE events SET data = replace(data, '\"by\":\"local\"', '\"by\":\"ann\"') WHERE type = 'spec.applied'": "approvals.people",
}  # fmt: skip


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """Three versions: granted and released, refused, and not decided yet; three people, one of whom left."""
    folder = tmp_path_factory.mktemp("answered")
    store = open_store(f"sqlite:///{folder / 'regie.db'}", folder)
    place = made(Place(store, folder))
    for name in ("ann", "ben", "eve"):
        with store.change(LOCAL, "actor.add", name, workspace="loop") as tx:
            token = actors.add(tx, name, ["validator"])
        with store.read() as db:
            holder = sessions.of_token(db, token)
        with store.change(ANN, "session.open", name) as tx:
            sessions.open_session(tx, holder)
            sessions.new_code(tx, holder)
    with store.change(LOCAL, "actor.revoke", "eve", "left", workspace="loop") as tx:
        actors.revoke(tx, "eve")
    first = passed(place)
    ran(place, first)
    turn(place)
    approve.grant(place.scene, ANN, "loop", first)
    turn(place)
    for champion, deed in ((first, approve.refuse), (first, None)):
        number = passed(place, champion=champion)
        turn(place)
        if deed:
            deed(place.scene, BEN, "loop", number, "too few rows")
    store.database.close()
    return folder / "regie.db"


def named(file):
    database = Database(f"sqlite:///{file}")
    try:
        return [one for one in broken(database) if one.invariant in OURS]
    finally:
        database.close()


def test_what_people_really_did_breaks_none(answered):
    with sqlite3.connect(answered) as db:
        states = [row[0] for row in db.execute("SELECT state FROM approvals ORDER BY id")]
        assert states == ["granted", "refused", "pending"]
        assert db.execute("SELECT count(*) FROM rollouts WHERE started_ms IS NOT NULL").fetchone() == (1,)
    db.close()
    assert named(answered) == []


@pytest.mark.parametrize(("words", "name"), DAMAGE.items())
def test_what_no_door_would_have_let_through_is_named(answered, tmp_path, words, name):
    with sqlite3.connect(answered) as db, sqlite3.connect(tmp_path / "copy.db") as copy:
        db.backup(copy)
        copy.execute("DROP INDEX uq_approvals_pending")
        assert copy.execute(words).rowcount > 0
        copy.commit()
    db.close()
    copy.close()
    assert name in {one.invariant for one in named(tmp_path / "copy.db")}


def test_who_was_given_the_role_again_after_its_end_may_have_answered_then(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'regie.db'}", tmp_path)
    place = made(Place(store, tmp_path))
    for until in (1, None):
        with store.change(LOCAL, "actor.add", "ann", workspace="loop") as tx:
            actors.add(tx, "ann", ["validator"], until_wall_ms=until)
    number = passed(place)
    turn(place)
    approve.grant(place.scene, Actor("ann", frozenset({"validator"})), "loop", number)
    assert [one for one in broken(store.database) if one.invariant in OURS] == []
    store.database.close()

"""Who may answer: a person with the role, and never an author of the version."""

import pytest
from sqlalchemy import select

from regie.base.errors import NotAllowed
from regie.loop import approve
from regie.loop.authors import authors
from regie.registry import changes as registered
from regie.store.tables import audit_records
from regie.store.types import LOCAL, Actor
from tests.support.asking import ANN, ASKS, BEN, EVE, apply, asked, passed, ran, turn
from tests.support.place import NOW


def refused(place, actor, number, action="approval.grant"):
    """The sentence of a refusal, which is in the audit log."""
    deed = approve.grant if action == "approval.grant" else approve.refuse
    with pytest.raises(NotAllowed) as wrong:
        deed(place.scene, actor, "loop", number, "please")
    with place.store.read() as db:
        query = select(audit_records.c.record).where(audit_records.c.result == "refused", audit_records.c.action == action)
        records = list(db.execute(query.where(audit_records.c.actor == actor.name)).scalars())
    assert len(records) == 1
    assert (wrong.value.status, wrong.value.exit_code) == (403, 4)
    assert asked(place, number).state == "pending"
    return wrong.value.what


@pytest.mark.parametrize("action", ["approval.grant", "approval.refuse"])
def test_an_author_does_not_decide_on_their_own_version(asks, action):
    number = passed(asks)
    ran(asks, number, by="ben")
    turn(asks)
    assert "`not: author`: ben started its run" in refused(asks, BEN, number, action)
    assert approve.grant(asks.scene, ANN, "loop", number).decided_by == "ann"


def test_who_applied_the_code_is_an_author_of_what_the_loop_retrains(asks):
    number = passed(asks)
    ran(asks, number, by="system:react")
    turn(asks)
    assert "local applied the code" in refused(asks, LOCAL, number)


def test_applying_it_again_under_another_name_takes_no_author_away(asks):
    apply(asks, ASKS, by="ben")
    apply(asks, ASKS, by="ann")
    number = passed(asks)
    ran(asks, number, by="system:react", at_ms=NOW + 1)
    with asks.store.read() as db:
        assert set(authors(db, "loop", "loop", number)) == {"local", "ben", "ann"}


def test_who_applied_the_file_in_force_is_an_author_whatever_the_code(asks):
    number = passed(asks)
    ran(asks, number, by="system:react", code="sha256:other")
    turn(asks)
    assert "applied the regie.yaml" in refused(asks, LOCAL, number)


def test_who_registered_a_version_by_hand_is_its_author_and_of_its_copies_too(asks):
    with asks.store.change(BEN, "model.register", "loop", workspace="loop") as tx:
        registered.ensure_model(tx, "loop")
        package = "sha256:" + "9" * 64
        first = registered.register(tx, "loop", source="x", package=package, role="challenger")
        copy = registered.register(tx, "loop", source="models:/loop/1", package=package, role="challenger", user="mallory")
    with asks.store.read() as db:
        assert str(authors(db, "loop", "loop", first)["ben"]) == "registered it"
        assert str(authors(db, "loop", "loop", copy)["ben"]) == "registered it (loop@1 has the same package)"


@pytest.mark.parametrize("actor", [EVE, Actor("guest", frozenset({"viewer"})), Actor("nobody")])
def test_nobody_decides_without_the_role(asks, actor):
    number = passed(asks)
    turn(asks)
    assert f"{actor.name} may not approval.grant loop@1" in refused(asks, actor, number)


def test_a_tasks_token_decides_nothing(asks):
    number = passed(asks)
    turn(asks)
    task = Actor("task:1", frozenset({"validator"}), "task", "*")
    refused(asks, task, number)
    refused(asks, Actor("system:release", frozenset({"release"}), "system"), number, "approval.refuse")

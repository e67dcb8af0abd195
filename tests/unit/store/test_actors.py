"""Actors, their roles by workspace, their tokens; and refusals that are counted, not chained."""

import json
import threading

import pytest
from sqlalchemy import func, select

from regie.base.clock import wall_ms
from regie.base.errors import BadInput, Conflict, NotAllowed, NotFound
from regie.store import actors
from regie.store.tables import audit_records, grants, refusals, tokens
from regie.store.types import LOCAL, Actor

WORKSPACE = "flights"
DAY_MS = 86_400_000


def add(store, name, *roles, by=LOCAL, **more):
    with store.change(by, "actor.add", name, "because", workspace=WORKSPACE) as tx:
        return actors.add(tx, name, roles, **more)


def stands(store, token, workspace=WORKSPACE):
    with store.read() as db:
        return actors.of_token(db, token, workspace)


def records(store):
    with store.read() as db:
        return [json.loads(one) for one in db.execute(select(audit_records.c.record).order_by(audit_records.c.seq)).scalars()]


def test_a_token_names_its_actor_with_the_roles_of_the_workspace(store):
    token = add(store, "ann", "validator", "viewer")
    found = stands(store, token)
    assert (found.here.name, found.here.roles, found.wrong, found.elsewhere) == ("ann", {"validator", "viewer"}, "", "")
    assert found.everywhere.roles == set()
    assert found.sees == {WORKSPACE}
    with store.read() as db:
        assert actors.holders(db, WORKSPACE, "validator") == ["ann"]
        assert actors.holders(db, "other", "validator") == []
    assert records(store)[-1]["action"] == "actor.add"


def test_a_token_is_stored_as_a_hash_and_listed_without_it(store):
    token = add(store, "ann", "viewer")
    with store.read() as db:
        row = db.execute(select(tokens)).one()
        listed = actors.listed(db)
    assert token not in str(row)
    assert token not in str(records(store))
    assert row.hash not in str(listed)
    assert [one["state"] for one in listed[0]["tokens"]] == ["active"]


def test_who_sees_one_workspace_is_told_of_no_token_for_another_one(store):
    add(store, "ann", "viewer")
    add(store, "ann", "viewer", workspace="churn")
    with store.read() as db:
        (ann,) = actors.listed(db, frozenset({WORKSPACE}))
    assert "churn" not in str(ann)


def test_a_token_for_one_workspace_opens_no_other_even_where_its_actor_has_a_role(store):
    here = add(store, "ann", "engineer")
    there = add(store, "ann", "viewer", workspace="churn")
    assert stands(store, here, "churn").elsewhere == WORKSPACE
    assert stands(store, there, "churn").here.roles == {"viewer"}
    assert stands(store, there).elsewhere == "churn"


def test_a_role_for_every_workspace_holds_in_each(store):
    token = add(store, "ann", "owner", workspace=actors.EVERYWHERE)
    for workspace in (WORKSPACE, "churn", "personal"):
        found = stands(store, token, workspace)
        assert found.here.roles == found.everywhere.roles == {"owner"}
        assert found.sees is None
        assert found.elsewhere == ""


def test_what_is_denied_in_one_workspace_is_denied_there_and_wherever_rights_hold_in_all(store):
    token = add(store, "ann", "owner", workspace=actors.EVERYWHERE)
    add(store, "ann", "viewer", deny=["actor.add"])
    assert stands(store, token).here.denied == {"actor.add"}
    assert stands(store, token, "churn").here.denied == set()
    assert stands(store, token, "churn").everywhere.denied == {"actor.add"}


@pytest.mark.parametrize("denied", ["validator", "approval.grant"])
def test_who_is_denied_a_role_or_part_of_it_does_not_count_as_holding_it(sqlite_store, denied):
    add(sqlite_store, "ann", "validator", deny=[denied])
    with sqlite_store.read() as db:
        assert actors.holders(db, WORKSPACE, "validator") == []


def test_a_role_and_a_token_end_but_what_is_denied_stays(store):
    token = add(store, "ann", "engineer", deny=["rollout.abort"], until_wall_ms=wall_ms() - 1)
    found = stands(store, token)
    assert (found.wrong, found.here.roles, found.here.denied) == ("expired", set(), {"rollout.abort"})
    with store.read() as db:
        assert [one["state"] for one in actors.listed(db)[0]["grants"]] == ["expired", "active"]


def test_a_role_given_again_ends_when_the_last_word_says(store):
    add(store, "ann", "viewer", until_wall_ms=wall_ms() - 1)
    assert stands(store, add(store, "ann", "viewer")).here.roles == {"viewer"}
    with store.read() as db:
        assert db.execute(select(func.count()).select_from(grants)).scalar() == 1


def test_a_revoked_actor_has_nothing_left_and_its_name_is_never_used_again(store):
    first, second = add(store, "ann", "owner"), add(store, "ann", "viewer", workspace="churn")
    with store.change(LOCAL, "actor.revoke", "ann", "left", workspace=WORKSPACE) as tx:
        actors.revoke(tx, "ann")
    for token, workspace in ((first, WORKSPACE), (second, "churn")):
        found = stands(store, token, workspace)
        assert (found.wrong, found.here.roles) == ("revoked", set())
    with pytest.raises(Conflict, match="never used twice"):
        add(store, "ann", "viewer")
    with pytest.raises(Conflict, match="revoked already"), store.change(LOCAL, "actor.revoke", "ann") as tx:
        actors.revoke(tx, "ann")
    with pytest.raises(Conflict, match="revoked already"), store.change(LOCAL, "token.create", "ann") as tx:
        actors.create_token(tx, "ann", WORKSPACE)


def test_tokens_are_made_and_taken_back_without_touching_the_actor_and_each_time_audited(store):
    first = add(store, "ann", "viewer")
    with store.change(LOCAL, "token.create", "ann", "lost it", workspace=WORKSPACE) as tx:
        second = actors.create_token(tx, "ann", WORKSPACE)
    assert stands(store, first).here == stands(store, second).here
    with store.change(LOCAL, "token.revoke", "ann", "both lost", workspace=WORKSPACE) as tx:
        assert actors.revoke_tokens(tx, "ann") == 2
    assert [stands(store, one).wrong for one in (first, second)] == ["revoked", "revoked"]
    assert [one["action"] for one in records(store)] == ["actor.add", "token.create", "token.revoke"]
    assert stands(store, add(store, "ann", "viewer")).wrong == ""


def test_an_unknown_token_is_nobodys(store):
    found = stands(store, "made-up")
    assert (found.wrong, found.here.roles, found.sees) == ("unknown", set(), set())


@pytest.mark.parametrize(
    "name", ["local", "system", "nobody", "Ann", "task:1", "system:release", "", "a b", "ann\n", "-x", "é", "a" * 64]
)
def test_a_name_that_could_be_taken_for_somebody_else_is_refused(sqlite_store, name):
    with pytest.raises(BadInput):
        add(sqlite_store, name, "viewer")
    assert records(sqlite_store) == []


@pytest.mark.parametrize(
    ("roles", "deny"), [(["chief"], []), (["*"], []), (["run.create"], []), (["viewer"], ["fly"]), ([], ["*"])]
)
def test_roles_and_actions_that_do_not_exist_are_refused_and_leave_nothing(sqlite_store, roles, deny):
    with pytest.raises(BadInput, match="there is no"):
        add(sqlite_store, "ann", *roles, deny=deny)
    with sqlite_store.read() as db:
        assert actors.find(db, "ann") is None


def test_who_is_not_there_cannot_be_revoked(sqlite_store):
    with pytest.raises(NotFound), sqlite_store.change(LOCAL, "actor.revoke", "ann") as tx:
        actors.revoke(tx, "ann")


def test_only_an_owner_adds_people(sqlite_store):
    for role in ("viewer", "scientist", "engineer", "validator"):
        with pytest.raises(NotAllowed):
            add(sqlite_store, "eve", "owner", by=Actor("bob", frozenset({role})))
    add(sqlite_store, "eve", "viewer", by=Actor("bob", frozenset({"owner"})))
    with sqlite_store.read() as db:
        assert actors.find(db, "eve").added_by == "bob"


def test_an_actor_that_gets_rights_in_another_workspace_belongs_to_all(sqlite_store):
    add(sqlite_store, "ann", "viewer")
    with sqlite_store.read() as db:
        assert actors.find(db, "ann").workspace == WORKSPACE
    add(sqlite_store, "ann", "viewer", workspace="churn")
    with sqlite_store.read() as db:
        assert actors.find(db, "ann").workspace == actors.EVERYWHERE


def test_of_two_who_add_one_name_in_the_same_moment_one_is_told(store):
    outcomes: list[str] = []
    ready = threading.Barrier(4)

    def adds():
        ready.wait()
        try:
            outcomes.append(add(store, "ann", "viewer"))
        except Conflict as told:
            outcomes.append(told.what)

    threads = [threading.Thread(target=adds) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(outcomes) == 4
    tokens = [one for one in outcomes if "just added" not in one]
    assert tokens
    assert {stands(store, one).here.roles for one in tokens} == {frozenset({"viewer"})}


def test_equal_refusals_in_the_same_moment_are_counted_and_chained_once_a_minute(store):
    stranger, many = Actor("eve"), 8
    ready = threading.Barrier(many)
    failures: list[Exception] = []

    def knock():
        ready.wait()
        try:
            with store.change(stranger, "spec.apply", "w"):
                pass
        except NotAllowed:
            pass
        except Exception as error:  # noqa: BLE001  whatever else a race may raise
            failures.append(error)

    threads = [threading.Thread(target=knock) for _ in range(many)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    with store.read() as db:
        counts = db.execute(select(refusals.c["count"])).scalars().all()
    assert sum(counts) == many
    assert len(records(store)) == len(counts) <= 2  # two, where a minute began meanwhile

import pytest

from regie.base.errors import BadInput, NotAllowed, NotFound
from regie.registry import changes, crown, queries
from regie.store import events
from regie.store.types import LOCAL, Cause, system
from regie.tracking.types import AlreadyExists

WORKSPACE = "w"


def registered(store, name="late", **said) -> int:
    with store.change(LOCAL, "model.register", name, workspace=WORKSPACE) as tx:
        changes.ensure_model(tx, name)
        return changes.register(tx, name, source="s", **said)


def test_a_version_remembers_the_event_that_led_to_it(store):
    number = registered(store, cause=Cause("1" * 32, "2" * 32), role="challenger", tags={"a": "b"}, window="all")
    with store.read() as db:
        lineage = queries.lineage(db, WORKSPACE, "late", number)
        event = events.latest(db, WORKSPACE, ["model.registered"])[0]
    assert event.causationid == "1" * 32
    assert lineage["causationid"] == event.id
    assert (lineage["correlationid"], lineage["window"], lineage["tags"]) == ("2" * 32, "all", {"a": "b"})


def test_a_number_is_never_used_again(store):
    assert [registered(store), registered(store)] == [1, 2]
    with store.change(LOCAL, "version.change", "late@2", workspace=WORKSPACE) as tx:
        changes.delete_version(tx, "late", 2)
    assert registered(store) == 3


def test_no_role_makes_a_champion(store):
    with pytest.raises(BadInput):
        registered(store, role="champion")


@pytest.mark.parametrize("actor", [LOCAL, system("train"), system("qualify")])
def test_no_other_action_can_crown(store, actor):
    action = {"local": "model.register", "system:train": "model.register", "system:qualify": "gate.judge"}[actor.name]
    with pytest.raises(NotAllowed), store.change(actor, action, "late", workspace=WORKSPACE) as tx:
        crown.crown(tx, "e", "prod", "late", 1, "r", Cause())
    with store.read() as db:
        assert queries.champion(db, WORKSPACE) is None


def test_a_change_that_is_repeated_leaves_no_trace(store):
    number = registered(store)
    for expected in (True, False):
        with store.change(LOCAL, "version.change", "late", workspace=WORKSPACE) as tx:
            assert changes.set_role(tx, "late", number, "candidate") == expected
            changes.set_alias(tx, "late", "blue", number)
            changes.set_model_tag(tx, "late", "a", "b")
            changes.set_version_tag(tx, "late", number, "a", "b")
            changes.change_model(tx, "late", "described")
            assert bool(tx.rows) == bool(tx.events) == expected


def test_a_renamed_model_keeps_all_that_is_its_own(store):
    registered(store, tags={"a": "b"})
    with store.change(LOCAL, "model.change", "late", workspace=WORKSPACE) as tx:
        changes.set_alias(tx, "late", "blue", 1)
        changes.rename_model(tx, "late", "new")
    with store.read() as db:
        assert queries.model(db, WORKSPACE, "new").aliases == {"blue": 1}
        assert queries.lineage(db, WORKSPACE, "new", 1)["tags"] == {"a": "b"}
        with pytest.raises(NotFound):
            queries.model(db, WORKSPACE, "late")
    registered(store)
    with pytest.raises(AlreadyExists), store.change(LOCAL, "model.change", "late", workspace=WORKSPACE) as tx:
        changes.rename_model(tx, "late", "new")


def test_the_newest_challenger_is_the_challenger(store):
    for role in ("challenger", "challenger", "candidate"):
        registered(store, role=role)
    with store.read() as db:
        rival = queries.challenger(db, WORKSPACE, "late")
    assert rival is not None
    assert rival.version == 2


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "x" * 256])
def test_a_name_that_no_uri_can_hold_is_refused(store, name):
    with pytest.raises(BadInput):
        registered(store, name)

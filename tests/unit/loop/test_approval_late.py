"""Answers that come twice, at once, too late, or to no question."""

import threading

import pytest

from regie.base.errors import Conflict, NotFound
from regie.gates import changes as gates
from regie.loop import approve
from regie.registry import changes as registered
from regie.store.types import LOCAL, NOBODY_CAUSE
from tests.support.asking import ANN, BEN, apply, asked, conclude, passed, told, turn
from tests.support.place import SPEC


@pytest.mark.parametrize("first", ["granted", "refused"])
def test_deciding_twice_names_who_decided_and_when(asks, first):
    number = passed(asks)
    turn(asks)
    deed = approve.grant if first == "granted" else approve.refuse
    deed(asks.scene, ANN, "loop", number, "enough")
    for again in (approve.grant, approve.refuse):
        with pytest.raises(Conflict, match=rf"was {first} by ann at 20\d\d-.*: enough") as twice:
            again(asks.scene, BEN, "loop", number, "me too")
        assert (twice.value.status, twice.value.exit_code) == (409, 1)
    assert len(told(asks, "approval.granted", "approval.refused")) == 1


def test_of_two_people_who_decide_at_once_one_is_told_who_was_first(either):
    number = passed(either)
    turn(either)
    said, together = [], threading.Barrier(2)

    def press(deed, actor):
        together.wait()
        try:
            said.append(deed(either.scene, actor, "loop", number, "now").state)
        except Conflict as late:
            said.append(late.what)

    people = [threading.Thread(target=press, args=one) for one in ((approve.grant, ANN), (approve.refuse, BEN))]
    for one in people:
        one.start()
    for one in people:
        one.join()
    first = asked(either, number)
    assert first.state in said
    assert len([one for one in said if f"was {first.state} by {first.decided_by}" in one]) == 1
    assert len(told(either, "approval.granted", "approval.refused")) == 1


def test_what_cannot_be_decided_on_says_why(asks):
    with pytest.raises(NotFound, match="there is no version 9 of loop"):
        approve.grant(asks.scene, ANN, "loop", 9)
    with pytest.raises(NotFound, match="of other"):
        approve.refuse(asks.scene, ANN, "other", 1, "no")
    candidate, fresh, waiting, failed, archived = (asks.register(role) for role in ("candidate", *["challenger"] * 4))
    for number in (waiting, failed):
        with asks.under("qualify", "gate.judge") as tx:
            gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    conclude(asks, failed, outcome=gates.FAILED)
    with asks.store.change(LOCAL, "version.change", "loop", workspace="loop") as tx:
        registered.change_version(tx, "loop", archived, stage="Archived")
    for number, says in (
        (candidate, "is a candidate: it was not chosen to compete"), (fresh, "has not come before the gates"),
        (waiting, "is before the gates"), (failed, "did not pass the gates"), (archived, "is archived"),
    ):  # fmt: skip
        with pytest.raises(Conflict, match=says):
            approve.grant(asks.scene, ANN, "loop", number)
    apply(asks, SPEC)
    free = passed(asks)
    turn(asks)
    with pytest.raises(Conflict, match="its rollout finished"):
        approve.grant(asks.scene, ANN, "loop", free)

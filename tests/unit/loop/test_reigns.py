"""The history of champions, and the chain behind a crown, on a real database."""

import pytest

from regie.loop import chain, rollback, step_back
from regie.loop.outcome import RULES, Observed, outcome
from regie.loop.reigns import reigns
from regie.registry import crown as crowns
from regie.store.types import LOCAL
from tests.support import asking
from tests.support.place import SPEC
from tests.support.releases import champion, turn
from tests.support.releases import released as released_by_stages

AT_ONCE = SPEC.replace("rollout: [shadow 1d, canary 10% for 1d, full, watch 9d]", "rollout: [full]")


@pytest.fixture
def place(place):
    """Under a file that crowns at once what passed its gates."""
    return asking.made(place, AT_ONCE)


def released(place):
    return asking.released(place)


def by_stages(place, **to):
    asking.apply(place, SPEC)
    return released_by_stages(place, **to)


def history(place):
    with place.store.read() as db:
        return reigns(db, "loop", "loop")


def crown_links(place):
    with place.store.read() as db:
        return chain.links(chain.behind(db, chain.crown_of(db, champion(place))))


def test_each_champion_reigns_until_the_next_one_and_the_last_one_still_serves(place):
    first, second = released(place), released(place)
    one, other = history(place)
    assert (one.version, other.version) == (first, second)
    assert one.to_ms == other.from_ms
    assert (one.came.how, one.came.version) == ("rollout", None)
    assert (one.went.how, one.went.version) == ("replaced", second)
    assert (other.came.how, other.came.version) == ("rollout", first)
    assert (other.to_ms, other.went.how) == (None, "serves")


def test_a_champion_that_a_person_took_back_says_who_and_why_and_the_former_one_reigns_again(place):
    first, second = released(place), released(place)
    rollback.rollback(place.store, LOCAL, "loop", "loop", "its figures look odd")
    turn(place)
    found = history(place)
    assert [one.version for one in found] == [first, second, first]
    assert (found[1].went.how, found[1].went.by, found[1].went.reason) == ("rolled_back", "local", "its figures look odd")
    assert (found[2].came.how, found[2].came.version, found[2].to_ms) == ("rolled_back", second, None)


def test_the_crown_of_an_aborted_watch_comes_back_and_says_by_which_rule(place):
    first, second = released(place), by_stages(place, to="watch")
    with place.store.read() as db:
        running = rollback.queries.running(db, "loop", "loop")
    rollback.abort(place.store, LOCAL, "loop", running.id, "no")
    found = history(place)
    assert [one.version for one in found] == [first, second, first]
    assert (found[1].went.how, found[1].went.because) == ("aborted", "by.hand")
    assert found[2].came.how == "came_back"


def test_a_first_champion_that_is_taken_back_leaves_a_history_without_anybody_who_serves(place):
    number = released(place)
    with place.store.read() as db:
        crown = chain.crown_of(db, champion(place))
    with place.under("release", "rollout.step") as tx:
        crowns.vacate(tx, "loop", "prod", crown.cause)
    (one,) = history(place)
    assert (one.version, one.went.how, one.went.version) == (number, "aborted", None)
    assert one.to_ms is not None


def test_the_chain_of_a_crown_is_told_from_its_beginning_with_a_rollout_and_its_stages_as_one_link(place):
    released(place)
    number = by_stages(place)
    links = crown_links(place)
    assert [one.kind for one in links][-2:] == ["rollout", "crowned"]
    assert links[-1].first.subject == f"loop@{number}"
    stages = [one.data["stage"] for one in links[-2].events if one.type == "rollout.stage_entered"]
    assert stages == ["canary", "full"]
    assert [one.first.seq for one in links] == sorted(one.first.seq for one in links)


def test_the_chain_of_a_crown_that_came_back_ends_at_the_crown_that_it_goes_back_from(place):
    released(place), released(place)
    rollback.rollback(place.store, LOCAL, "loop", "loop", "odd")
    assert [one.kind for one in crown_links(place)] == ["origin", "rolled_back", "crowned"]


def test_there_is_no_way_back_from_a_first_champion_and_the_rule_says_so(place):
    released(place)
    with place.store.read() as db, pytest.raises(step_back.NoWayBack) as no:
        step_back.plan(db, "loop", "loop")
    assert (no.value.rule, no.value.values) == ("champion.first", {"version": 1})


def test_the_outcome_of_a_version_is_the_first_rule_that_holds():
    assert outcome(Observed(champion=True, was_champion=True, rollout="finished", gates="passed")) == "champion"
    assert outcome(Observed(was_champion=True, rollout="aborted", gates="passed")) == "champion.taken_back"
    assert outcome(Observed(was_champion=True, rollout="finished")) == "champion.former"
    assert outcome(Observed(rollout="aborted", gates="passed")) == "rollout.aborted"
    assert outcome(Observed(role="challenger", gates="passed", approval="pending")) == "approval.pending"
    assert outcome(Observed(gates="passed", approval="refused")) == "approval.refused"
    assert outcome(Observed(gates="failed")) == "gates.failed"
    assert outcome(Observed(role="challenger", gates="passed", approval="granted")) == "release.next"
    assert outcome(Observed(role="challenger")) == "gates.next"
    assert outcome(Observed(role="candidate")) == "candidate"
    assert outcome(Observed()) == "registered"
    assert len({name for name, _ in RULES}) == len(RULES)

"""What the filled home holds, so that each page has something to show. It is played first: the other tests find it done."""

from collections import Counter

import pytest
from sqlalchemy import select

from regie.app.home import open_home
from regie.gates import queries as gates
from regie.rollout import queries as rollout
from regie.store import audit
from regie.store.tables import events


@pytest.fixture(scope="module")
def db(summer):
    home = open_home(summer)
    with home.store.read() as connection:
        yield connection
    home.store.database.close()


def test_three_weeks_of_the_demo_have_a_promotion_a_refusal_an_abort_a_breach_and_drift(db):
    seen = Counter(db.execute(select(events.c.type)).scalars())
    assert seen["champion.crowned"] >= 2
    wanted = ("gates.failed", "rollout.aborted", "quality.breached", "drift.detected", "reaction.fired", "approval.granted")
    assert [one for one in wanted if not seen[one]] == []


def test_they_end_with_a_rollout_in_its_canary(db):
    running = rollout.running(db, "flights", "flights")
    assert running is not None
    assert (running.current.kind, running.paused) == ("canary", False)


def test_beside_them_a_version_waits_for_a_person(db):
    (waiting,) = gates.approvals_of(db, "parcels", state="pending")
    assert (waiting.version, waiting.role) == (2, "validator")


def test_their_audit_log_holds(db):
    assert audit.verify(db).records > 100

"""One home under attack for all files of this folder. The names of the tests are the rows of docs/reference/attacks.md.

Version 1 is champion, version 2 failed its gates, version 3 was refused by a person, version 4 passed its gates and waits for an approval.
"""

import pytest

from tests.support.platform import midnight, running
from tests.support.siege import FAILED, GOOD, PENDING, REFUSED, besieged


@pytest.fixture(scope="package")
def siege(tmp_path_factory):
    with running(tmp_path_factory.mktemp("siege"), REGIE_LEASE_MS="2000") as platform:
        found = besieged(platform)
        states = {number: one["qualification"]["state"] for number, one in found.versions().items()}
        assert states == {GOOD: "passed", FAILED: "failed", REFUSED: "passed", PENDING: "passed"}
        assert [found.approval(number)["state"] for number in states] == ["", "", "refused", "pending"]
        yield found
        found.world.close()


@pytest.fixture(autouse=True)
def nothing_moved(siege):
    """Whatever was tried: users are answered by version 1, by the route of before."""
    world = siege.world
    before = world.client.status()
    yield
    after = world.client.status()
    row = int(world.data.of_day(world.day)[0])
    assert (world.ask(row, midnight(world.day)), world.versions[row]) == (200, GOOD), world.failures
    assert before["champion"]["version"] == after["champion"]["version"] == GOOD
    assert before["route"]["variants"] == after["route"]["variants"]

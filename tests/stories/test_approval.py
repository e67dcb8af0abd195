"""People: the file asks for an approval, the author's own is refused, somebody else's counts, and silence releases nothing."""

import pytest

from regie.base.clock import DAY_MS
from regie.cli import root
from regie.client.http import RemoteError
from tests.support.platform import World, made, midnight

ASKS = "  approve: {by: validator, not: author, within: 5d}"


@pytest.fixture(scope="module")
def world(platform):
    story = World(platform, "people", made(), platform.folder / "people")
    yield story
    story.close()


@pytest.fixture
def regie(world, monkeypatch, capfd):
    """A command as a person types it; with nobody's token it is the laptop's local user. Returns exit code, stdout, stderr."""

    def typed(*words, token=""):
        monkeypatch.setenv("REGIE_TOKEN", token) if token else monkeypatch.delenv("REGIE_TOKEN", raising=False)
        code = root.run([*words, "--server", world.platform.address, "--workspace", world.name])
        said = capfd.readouterr()
        return code, said.out, said.err

    return typed


def approvals(world):
    return [(one["version"], one["state"], one["decided_by"]) for one in world.client.approvals.list()]


def test_a_file_that_asks_for_approvals_is_refused_until_somebody_else_could_give_one(world):
    with pytest.raises(RemoteError, match="nobody but you could give one") as refused:
        world.apply(approve=ASKS)
    assert (refused.value.status, refused.value.code, refused.value.exit_code) == (409, "spec.nobody_approves", 1)
    assert "regie actor add NAME --role validator" in refused.value.do
    assert world.events("spec.applied") == []


@pytest.fixture(scope="module")
def ann(world):
    """The token of a second person, shown once."""
    return world.client.actors.add("ann", ["validator"])["token"]


def test_the_authors_own_approval_is_refused_and_a_second_persons_releases_the_version(world, ann, regie):
    world.apply(approve=ASKS)
    assert world.train()["state"] == "finished"
    assert (approvals(world), world.champion()) == ([(1, "pending", "")], None)
    _, told, _ = regie("status")
    assert "people@1 waits for a validator until" in told
    assert "never by local" in told

    code, _, said = regie("approval", "grant", "people@1", "--reason", "mine is good")
    assert (code, "`not: author`: local started its run" in said) == (4, True)
    with world.platform.http(world.name) as http:
        answer = http.post("/api/v1/approvals/people@1/grant", json={"reason": "mine is good"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    refused = [one for one in world.client.audit.records() if one["result"] == "refused" and one["action"] == "approval.grant"]
    assert {(one["actor"], one["target"]) for one in refused} == {("local", "people@1")}

    assert regie("approval", "grant", "people@1", "--dry-run", token=ann)[0] == 0
    assert approvals(world) == [(1, "pending", "")]
    shown = regie("approval", "show", "people@1", token=ann)[1]
    assert "log_loss <= champion + 0.05" in shown
    code, _, said = regie("approval", "grant", "people@1", "--reason", "read the evidence", token=ann)
    assert (code, "undo" in said) == (0, True)
    world.settle()
    assert (approvals(world), world.champion()) == ([(1, "granted", "ann")], 1)
    chain = [line["type"] for line in world.client.why("people@champion")["lines"] if line["type"] != "evidence"]
    assert chain[-6:] == [
        "rollout.waiting", "approval.granted", "approval.requested", "gates.passed", "model.registered", "run.finished",
    ]  # fmt: skip

    code, _, said = regie("approval", "refuse", "people@1", "--reason", "on second thoughts", token=ann)
    assert (code, "people@1 was granted by ann at" in said) == (1, True)


@pytest.mark.parametrize(
    ("version", "code", "says"),
    [
        ("people@99", 5, "there is no version 99"),
        ("people@99999999999999999999", 5, "there is no version"),
        ("nobody@1", 5, "there is no version 1 of nobody"),
        ("people", 2, "names no version"),
        ("people@x", 2, "names no version"),
    ],
)
def test_a_version_that_is_not_there_is_said_so(world, ann, regie, version, code, says):
    for verb in ("grant", "refuse"):
        answered, _, said = regie("approval", verb, version, "--reason", "x", token=ann)
        assert (answered, says in said) == (code, True), said


def test_an_approval_that_nobody_gives_in_time_expires_and_the_version_is_not_released(world, ann):
    world.train(sleep=0.01)
    assert approvals(world)[0] == (2, "pending", "")
    shown = world.client.approvals.show("people@2")
    assert set(shown["authors"]) == {"local"}
    assert "local started its run" in shown["may_not"]
    assert [(one["gate"], one["verdict"], one["champion"]) for one in shown["evidence"]] == [
        ("log_loss <= champion + 0.05", "passed", 1)
    ]
    assert shown["differences"]["param sleep"] == {"champion": None, "version": 0.01}
    assert "code" not in shown["differences"]
    deadline = shown["deadline_ms"]
    world.client.clock.advance(deadline - 1)
    assert approvals(world)[0] == (2, "pending", "")
    world.client.clock.advance(deadline)
    assert approvals(world)[0] == (2, "expired", "")
    world.day = -(-(deadline - midnight(0)) // DAY_MS)
    world.settle()
    assert (world.champion(), [one["version"] for one in world.client.rollouts.list()]) == (1, [1])
    assert world.client.why("people@2")["lines"][0]["type"] == "approval.expired"


def test_a_refusal_needs_a_reason_and_ends_the_version(world, ann, regie):
    world.train()
    assert regie("approval", "refuse", "people@3", token=ann)[0] == 2
    assert regie("approval", "refuse", "people@3", "--reason", "the sample is too small", token=ann)[0] == 0
    world.settle()
    assert (approvals(world)[0], world.champion(), world.stage()) == ((3, "refused", "ann"), 1, "")
    assert world.client.audit.verify()["records"]

"""Versions that fail only in production, as canaries in processes of their own: clients see answers, the damage is counted."""

import os
import signal
import threading
from pathlib import Path

import pytest

from regie.runtime.package import write_package
from regie.runtime.signature import Column
from tests.support import misbehaving

from .conftest import ROW, Node, frame, until, variant

COLUMNS = (Column("carrier", "str", True, ("AA", "DL", "UA")), Column("distance", "float"), Column("hour", "int"))
UNSEEN = {**ROW, "carrier": "ZZ"}


@pytest.fixture(scope="module")
def bad(tmp_path_factory) -> dict[str, Path]:
    """A good version, and three that misbehave where a carrier is unknown."""
    import lightgbm

    root = tmp_path_factory.mktemp("bad")
    inputs = frame(600, 1)
    late = inputs["hour"] > 12
    made = {
        "good": lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(inputs, late),
        "raises": misbehaving.raises(inputs, late, "carrier"),
        "slow": misbehaving.slow(inputs, late, "carrier", letters=20_000),
        "eats_memory": misbehaving.eats_memory(inputs, late, "carrier"),
    }
    for name, model in made.items():
        write_package(root / name, model, COLUMNS, inputs, True, "binary")
    return {name: root / name for name in made}


@pytest.fixture
def node(home):
    """One node for all tests of the file: each gives it a route."""
    return home[0]


@pytest.fixture
def canary(home, bad):
    """Make the node answer by the good version and one that misbehaves, `node.second`."""

    def canary(name: str, share: float = 1.0, **more) -> None:
        home[0].takes(home[1], bad, [variant(1, "good", share=1 - share), variant(2, name, "challenger", share=share)], **more)

    return canary


def health(node: Node) -> dict:
    return dict(node.get("/health")[1]["endpoints"]["flights"])


def fallbacks(node: Node) -> list[dict]:
    return [one for one in node.records() if "fb" in one]


def metric(node: Node, name: str) -> float:
    [line] = [
        one
        for one in node.get("/metrics")[1].splitlines()
        if one.startswith(f'{name}{{endpoint="flights",version="{node.second}"')
    ]
    return float(line.rsplit(" ", 1)[1])


def last_error(node: Node) -> str:
    lines = [one for one in node.get("/metrics")[1].splitlines() if one.startswith("regie_last_error_info")]
    return lines[-1] if lines else ""


def test_one_that_raises_on_some_rows_costs_nobody_an_answer_and_its_failures_are_counted(node, canary):
    canary("raises")
    with node.client() as client:
        versions = [client.ask(UNSEEN if number % 4 == 0 else ROW)["version"] for number in range(40)]
    assert versions == ["1" if number % 4 == 0 else node.second for number in range(40)]
    assert {one["err"] for one in fallbacks(node)} == {"ValueError: Found unknown categories [nan] in column 0 during transform"}
    assert (metric(node, "regie_fallbacks_total"), metric(node, "regie_fallback_wait_seconds_count")) == (10, 10)
    assert metric(node, "regie_restarts_total") == 0
    assert 'error="ValueError: Found unknown categories' in last_error(node)


def test_one_that_answers_too_late_is_not_waited_for_again_while_it_is_silent(node, canary):
    canary("slow", deadline_ms=300)
    with node.client() as client:
        answers = [client.ask(UNSEEN)["version"] for _ in range(12)]
    assert answers == ["1"] * 12
    said = [one["err"] for one in fallbacks(node)]
    assert said[0] == "no answer within 300 ms"
    assert "its process has been silent for more than 300 ms" in said
    waited = [one["ms"] for one in fallbacks(node)]
    assert min(waited) < 300 <= round(max(waited))  # a timer may ring some microseconds early


def test_the_champions_answers_do_not_wait_for_a_canary_that_hangs(node, canary):
    canary("slow", share=0.5, deadline_ms=2000)
    os.kill(health(node)["processes"][node.second], signal.SIGSTOP)
    stopped = health(node)["processes"][node.second]
    asked = {"1": [], node.second: []}

    def ask(part: int) -> None:
        with node.client() as client:
            for number in range(60):
                said = client.ask({**ROW, "flight": f"F{part}-{number}"})
                asked[said["version"]].append(said["request_id"])

    people = [threading.Thread(target=ask, args=(part,)) for part in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert asked[node.second] == []
    records = {one["rid"]: one for one in node.records() if one["k"] == "p"}
    own = [records[rid]["ms"] for rid in asked["1"] if "fb" not in records[rid]]
    assert len(own) > 60
    assert sorted(own)[len(own) * 9 // 10] < 2000  # none of the waiting reached them
    os.kill(stopped, signal.SIGCONT)


def test_one_that_eats_memory_is_killed_and_said_to_be_and_comes_back_for_other_rows(node, canary):
    canary("eats_memory", deadline_ms=60_000)
    first = health(node)["processes"][node.second]
    with node.client() as client:
        assert client.ask()["version"] == node.second
        assert client.ask(UNSEEN, X_Request_Id="eats")["version"] == "1"
        [record] = fallbacks(node)
        assert record["rid"] == "eats"
        assert record["err"] == "its process died: killed, out of memory: its answers took more than 1024 MiB"
        until(lambda: client.ask()["version"] == node.second)
    assert health(node)["processes"][node.second] != first
    assert metric(node, "regie_restarts_total") == 1


def test_one_that_the_kernel_kills_is_said_to_be_out_of_memory_probably(node, canary):
    canary("slow", deadline_ms=60_000)
    killed: list[dict] = []

    def ask() -> None:
        with node.client() as client:
            killed.append(client.ask(UNSEEN))

    waiting = threading.Thread(target=ask)
    waiting.start()
    pid = health(node)["processes"][node.second]
    until(lambda: Path(f"/proc/{pid}/stat").read_text().split()[2] == "R")
    os.kill(pid, signal.SIGKILL)
    waiting.join()
    assert killed[0]["version"] == "1"
    [record] = fallbacks(node)
    assert record["err"] == "its process died: killed, probably out of memory"
    score = until(lambda: health(node)["processes"][node.second])
    assert Path(f"/proc/{score}/oom_score_adj").read_text().strip() == "1000"

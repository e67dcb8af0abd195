"""What challengers and shadows do to answers: nothing. Their processes are stopped, killed and made to fail for real."""

import os
import signal
import threading
import time
from contextlib import suppress
from math import sqrt

import pytest

from regie.runtime.package import write_package
from regie.runtime.signature import Column

from .conftest import ROW, Node, frame, until, variant

CANARY = [
    variant(1, "lgb1", share=0.7),
    variant(2, "lgb2", "challenger", share=0.3),
    variant(1, "lgb1", mode="shadow", only="challenger"),
]
SHADOW = [variant(1, "lgb1"), variant(2, "lgb2", "challenger", "shadow")]


@pytest.fixture
def node(home):
    """One node for all tests of the file: each gives it a route."""
    return home[0]


@pytest.fixture
def started(home):
    """Make the node answer by some variants; the challenger is `node.second`."""
    return lambda packages, variants, **more: home[0].takes(home[1], packages, variants, **more)


@pytest.fixture
def freeze():
    """Stop a process where it stands; at the end it goes on, so that it can end."""
    frozen = []

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        frozen.append(pid)

    yield stop
    for pid in frozen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def pids(node: Node) -> dict[str, int]:
    return dict(node.get("/health")[1]["endpoints"]["flights"]["processes"])


def of_kind(node: Node, kind: str) -> list[dict]:
    return [one for one in node.records() if one["k"] == kind]


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A version that fails on a null distance, which the champion takes."""
    import lightgbm

    folder, inputs = tmp_path_factory.mktemp("strict"), frame(300, 5)
    for name, nullable in (("lenient", True), ("strict", False)):
        columns = (Column("carrier", "str"), Column("distance", "float", nullable), Column("hour", "int"))
        model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(inputs, inputs["hour"] > 12)
        write_package(folder / name, model, columns, inputs, True, "binary")
    return {"lenient": folder / "lenient", "strict": folder / "strict"}


def test_a_canary_gets_its_share_keys_stay_with_their_variant_and_pairs_are_logged(node, packages, started):
    started(packages, CANARY)
    requests = 600
    with node.client() as client:
        first = {n: client.ask({**ROW, "flight": f"F{n}"})["version"] for n in range(requests)}
        again = {n: client.ask({**ROW, "flight": f"F{n}"})["version"] for n in range(0, requests, 10)}
    assert all(first[n] == version for n, version in again.items())
    share = sum(version == node.second for version in first.values()) / requests
    assert abs(share - 0.3) < 4 * sqrt(0.3 * 0.7 / requests)
    by_challenger = {one["rid"]: one for one in of_kind(node, "p") if one["r"] == "challenger"}
    until(lambda: len(of_kind(node, "s")) == len(by_challenger))
    for one in of_kind(node, "s"):
        assert (one["v"], one["r"], one["m"]) == (1, "champion", "shadow")
        assert one["ids"] == by_challenger[one["rid"]]["ids"]
        assert one["y"] != by_challenger[one["rid"]]["y"]


def test_a_shadow_sees_every_request_and_its_results_carry_the_ids_of_the_answers(node, packages, started):
    started(packages, SHADOW)
    with node.client() as client:
        answers = {one["request_id"]: one for one in (client.ask({**ROW, "hour": n % 24}) for n in range(100))}
    assert {one["version"] for one in answers.values()} == {"1"}
    until(lambda: len(of_kind(node, "s")) == 100)
    for one in of_kind(node, "s"):
        assert one["ids"] == answers[one["rid"]]["prediction_ids"]
        assert (one["v"], one["r"], one["m"], len(one["y"])) == (int(node.second), "challenger", "shadow", 1)
        assert "err" not in one


def test_a_shadow_that_raises_is_recorded_with_its_error_and_no_answer_knows(node, strict, started):
    started(strict, [variant(1, "lenient"), variant(2, "strict", "challenger", "shadow")])
    with node.client() as client:
        answers = [client.ask({**ROW, "distance": None}) for _ in range(20)]
    assert len(answers) == 20
    until(lambda: len(of_kind(node, "s")) == 20)
    assert all("null" in one["err"] and one["y"] == [None] for one in of_kind(node, "s"))


def test_a_shadow_that_hangs_delays_no_answer_is_dropped_beyond_its_queue_and_is_started_again(node, packages, started, freeze):
    started(packages, SHADOW, deadline_ms=2000)
    stopped = pids(node)[node.second]
    freeze(stopped)
    took = []
    with node.client() as client:
        for _ in range(400):
            began = time.monotonic()
            client.ask()
            took.append(time.monotonic() - began)
        assert sorted(took)[int(0.95 * len(took))] < 1.0  # half the deadline for which the shadow hangs
        assert drops(node) > 0
        until(lambda: "no answer within 2000 ms" in str([one.get("err") for one in of_kind(node, "s")]))
        until(lambda: client.ask() and pids(node)[node.second] not in (stopped, None))
        client.ask(X_Request_Id="after")
    until(lambda: [one for one in of_kind(node, "s") if one["rid"] == "after" and "err" not in one])


def test_a_shadow_killed_in_the_middle_of_traffic_touches_no_answer_and_comes_back(node, packages, started):
    started(packages, SHADOW)
    killed = pids(node)[node.second]
    with node.client() as client:
        for n in range(300):
            if n == 100:
                os.kill(killed, signal.SIGKILL)
            assert client.ask()["version"] == "1"
        until(lambda: pids(node)[node.second] not in (killed, None))
        client.ask(X_Request_Id="after")
    until(lambda: [one for one in of_kind(node, "s") if one["rid"] == "after" and "err" not in one])
    # each request is accounted for: a result, an error, or a drop
    until(lambda: len(of_kind(node, "s")) + drops(node) == len(of_kind(node, "p")) == 301)


def drops(node: Node) -> int:
    line = f'regie_shadow_drops_total{{endpoint="flights",version="{node.second}"}} '
    return int(node.get("/metrics")[1].split(line)[1].split("\n")[0])


def live(champion: str = "lgb1", challenger: str = "lgb2"):
    return [variant(1, champion, share=0.0), variant(2, challenger, "challenger", share=1.0)]


def fallbacks(node: Node) -> list[dict]:
    return [one for one in of_kind(node, "p") if "fb" in one]


def test_a_live_challenger_that_raises_is_answered_for_by_the_champion_and_the_record_says_so(node, strict, started):
    started(strict, live("lenient", "strict"))
    with node.client() as client:
        assert client.ask()["version"] == node.second
        assert client.ask({**ROW, "distance": None}, X_Request_Id="null")["version"] == "1"
    [record] = fallbacks(node)
    assert (record["rid"], record["v"], record["r"], record["fb"]) == ("null", 1, "champion", int(node.second))
    assert "null" in record["err"]
    assert record["y"][0] is not None
    assert f'regie_fallbacks_total{{endpoint="flights",version="{node.second}"}} 1' in node.get("/metrics")[1]


def test_a_live_challenger_that_misses_its_deadline_is_answered_for_by_the_champion(node, packages, started, freeze):
    started(packages, live(), deadline_ms=200)
    freeze(pids(node)[node.second])
    with node.client() as client:
        began = time.monotonic()
        assert client.ask()["version"] == "1"
        assert 0.19 < time.monotonic() - began < 1.0
    [record] = fallbacks(node)
    assert (record["fb"], record["err"]) == (int(node.second), "no answer within 200 ms")


def test_a_live_challenger_that_is_killed_loses_no_request_and_answers_again_later(node, packages, started):
    started(packages, live())
    versions: list[str] = []

    def ask() -> None:
        with node.client() as client:
            versions.extend(client.ask()["version"] for _ in range(150))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    os.kill(pids(node)[node.second], signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert len(versions) == 600
    assert {one["fb"] for one in fallbacks(node)} <= {int(node.second)}
    assert versions.count("1") == len(fallbacks(node))
    with node.client() as client:
        until(lambda: client.ask()["version"] == node.second)


def test_a_variants_process_ends_with_the_router_even_when_it_is_killed(node, packages, started):
    started(packages, SHADOW)
    pid = pids(node)[node.second]
    node.kill()
    until(lambda: not alive(pid))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

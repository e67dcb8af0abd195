"""A record is in the log before its answer leaves: the server is killed, and its disk fills up, to see it."""

import json
import subprocess
import sys
import threading

from regie.predictions.segments import segments

from .conftest import ROW, Node, route, until, variant

ROUNDS, CLIENTS = 5, 4


def hammer(node: Node, got: list[str]) -> threading.Thread:
    def ask() -> None:
        try:
            with node.client() as client:
                while True:
                    got.append(client.ask()["prediction_ids"][0])
        except (OSError, ValueError, json.JSONDecodeError, __import__("http.client").client.HTTPException):
            return

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_no_answer_is_without_its_record_when_the_server_is_killed_in_full_flight(node, packages):
    node.routes({"flights": route([variant(1, "lgb1")])}, packages)
    got: list[str] = []
    for round_ in range(ROUNDS):
        node.start()
        before = len(got)
        threads = [hammer(node, got) for _ in range(CLIENTS)]
        until(lambda enough=before + 50 + 37 * round_: len(got) >= enough)
        node.kill()
        for thread in threads:
            thread.join()
    logged = [one for record in node.records() for one in record["ids"]]
    assert len(set(got)) == len(got)
    assert set(got) <= set(logged)
    assert len(logged) - len(got) <= ROUNDS * CLIENTS  # at most the answers that were on their way


def test_a_full_disk_refuses_with_507_and_what_was_answered_is_logged(node, packages, tmp_path):
    node.routes({"flights": route([variant(1, "lgb1")])}, packages)
    limited = f"ulimit -f 200; exec {sys.executable} -m regie.serving --home {node.home} --server http://127.0.0.1:9 --port 0"
    with (tmp_path / "node.err").open("wb") as errors:
        node.process = subprocess.Popen(["bash", "-c", limited], stderr=errors)
    until(lambda: (node.home / "serve.json").exists() and node.get("/health")[0] == 200)
    rows, got, refused = [ROW] * 200, [], []
    with node.client() as client:
        while len(refused) < 3:
            status, body = client.call("POST", "/invocations", {"dataframe_records": rows})
            if status == 200:
                got += body["prediction_ids"]
            else:
                refused.append((status, body["code"]))
    assert set(refused) == {(507, "storage.full")}
    assert got == [one for record in node.records() for one in record["ids"]]
    assert segments(node.home / "log") == [0]

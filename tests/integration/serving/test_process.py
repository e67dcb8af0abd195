"""The serving process itself: how it starts, is found, ends, and what it refuses."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

from .conftest import ROW, route, until, variant


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "regie.serving", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_busy_port_ends_the_start_with_a_sentence_and_exit_code_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = run("--home", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_others_can_reach_is_refused_without_authentication(tmp_path):
    done = run("--home", str(tmp_path), "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 4
    assert "no authentication" in done.stderr


def test_a_second_process_on_the_same_home_is_refused_and_the_first_goes_on(node, packages):
    node.routes({"flights": route([variant(1, "lgb1")])}, packages)
    node.start()
    done = run("--home", str(node.home), "--port", "0")
    assert done.returncode == 1
    assert "another process" in done.stderr
    assert node.get("/health")[0] == 200


def test_a_supervisor_finds_the_living_process_and_none_after_its_end(node):
    node.start()
    told = json.loads((node.home / "serve.json").read_text())
    assert node.process is not None
    assert (told["pid"], told["address"]) == (node.process.pid, f"http://127.0.0.1:{node.port}")
    assert told["nonce"] == node.get("/health")[1]["nonce"]
    assert node.kill(signal.SIGTERM) == 0
    assert not (node.home / "serve.json").exists()


def test_sigterm_answers_what_has_begun_and_ends_with_0(node, packages):
    shadow = variant(2, "lgb2", "challenger", "shadow")
    node.routes({"flights": route([variant(1, "lgb1"), shadow])}, packages)
    node.start()
    answered, port = [], node.port
    body = json.dumps({"dataframe_records": [ROW] * 10_000}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head + body)
            sent.set()
            answered.append(connection.recv(15))

    sent = threading.Event()
    thread = threading.Thread(target=ask)
    thread.start()
    sent.wait()
    assert node.kill(signal.SIGTERM) == 0
    thread.join()
    assert answered == [b"HTTP/1.1 200 OK"]
    assert [len(one["ids"]) for one in node.records() if one["k"] == "p"] == [10_000]


def test_a_broken_route_file_is_put_aside_and_the_node_waits_for_its_control_plane(node):
    (node.home / "routes.json").write_text("{")
    node.start()
    assert (node.home / "routes.json.broken").exists()
    assert node.get("/health")[1]["state"] == "waiting for a first route"


def test_variants_see_nothing_of_the_nodes_configuration(node, packages):
    node.routes({"flights": route([variant(1, "lgb1"), variant(2, "lgb2", "challenger", "shadow")])}, packages)
    node.start(REGIE_NODE_TOKEN="secret-of-the-node")
    pid = until(lambda: node.get("/health")[1]["endpoints"]["flights"]["processes"]["2"])
    if os.path.exists(f"/proc/{pid}/environ"):
        with open(f"/proc/{pid}/environ", "rb") as file:
            assert b"secret-of-the-node" not in file.read()

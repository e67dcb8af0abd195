"""What a client does when a server answers late, wrongly or not at all; over real sockets."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from regie.base.errors import BadInput, Unreachable
from regie.client.http import RemoteError
from regie.client.mlflow.files import Root
from regie.client.mlflow.wire import Unsure, Wire, address, other

BROKEN = -1  # a 200 whose body ends three bytes too early


@contextmanager
def answering(*answers):
    """A server that gives its answers in their order, the last one for ever: (status, body), or None to hang up."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            length = int(self.headers.get("content-length") or 0)
            asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
            answer = answers[min(len(asked), len(answers)) - 1]
            if answer is None:
                self.close_connection = True
                return
            status, body = answer
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            whole = status != BROKEN
            self.send_response(status if whole else 200)
            self.send_header("content-length", str(len(sent) + (0 if whole else 3)))
            self.end_headers()
            self.wfile.write(sent)
            self.close_connection = not whole

        do_POST = do_PUT = do_GET

        def log_message(self, *said):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    wire = Wire(f"http://127.0.0.1:{server.server_address[1]}", waits_s=(0.001, 0.001, 0.001), sign="set A")
    try:
        yield wire, asked
    finally:
        wire.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("passing", [None, (503, {}), (429, b"slow down"), (500, {"error_code": "INTERNAL_ERROR"})])
def test_a_passing_fault_is_waited_for(passing):
    with answering(passing, passing, (200, {"x": 1})) as (wire, asked):
        assert wire.send("runs/update", {}) == {"x": 1}
    assert len(asked) == 3


@pytest.mark.parametrize("passing", [None, (503, {}), (500, {"error_code": "INTERNAL_ERROR"})])
def test_what_makes_something_new_is_not_asked_twice_without_a_look(passing):
    with answering(passing, (200, {"x": 1})) as (wire, asked):
        with pytest.raises(Unsure):
            wire.once("runs/create", {})
        assert len(asked) == 1
    with answering(passing, (200, {"x": 1})) as (wire, asked):
        assert wire.patiently(lambda: wire.once("runs/create", {}), lambda: {"x": "was made"}) == {"x": "was made"}
        assert len(asked) == 1


def test_what_was_not_made_is_made_after_the_look():
    with answering(None, (200, {"x": 1})) as (wire, asked):
        assert wire.patiently(lambda: wire.once("runs/create", {}), lambda: None) == {"x": 1}
        assert len(asked) == 2


def test_a_server_that_stays_silent_ends_it_and_says_how_to_go_on():
    with answering(None) as (wire, asked), pytest.raises(Unreachable, match="got no answer") as silent:
        wire.get("experiments/search")
    assert len(asked) == 4
    assert "it goes on where it was" in silent.value.do


def test_an_address_where_nobody_ever_answered_is_not_waited_for_as_long_as_a_server_that_went_away(monkeypatch):
    slept: list[float] = []
    with answering((200, {})) as (wire, _):
        wire.waits_s = tuple(range(1, 6))
        wire.get("experiments/search")
    gone = Wire(wire.url, waits_s=wire.waits_s)
    monkeypatch.setattr("regie.client.mlflow.wire.time.sleep", slept.append)
    gone._met = True
    for one, waited in ((gone, [1, 2, 3, 4, 5]), (Wire(wire.url, waits_s=wire.waits_s), [1, 2, 3])):
        slept.clear()
        with pytest.raises(Unreachable, match="got no answer"):
            one.get("experiments/search")
        one.close()
        assert slept == waited


def test_a_first_answer_that_is_not_mlflows_is_called_so():
    with answering((404, b"<html>no such thing</html>")) as (wire, _), pytest.raises(RemoteError) as refused:
        wire.get("experiments/search")
    assert "no MLflow server" in refused.value.do
    with answering((200, {}), (404, b"<html>an older one</html>")) as (wire, _):
        wire.get("experiments/search")
        with pytest.raises(RemoteError) as refused:
            wire.get("logged-models/search")
    assert "no MLflow server" not in refused.value.do


@pytest.mark.parametrize(
    ("status", "body", "exit_code", "tries"),
    [
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such thing"}, 2, 1),
        (403, {"error_code": "PERMISSION_DENIED", "message": "no such thing"}, 4, 1),
        (404, b"<html>no such thing</html>", 5, 1),
        (500, {"error_code": "INVALID_STATE", "message": "no such thing"}, 1, 1),
        (500, {"error_code": "INTERNAL_ERROR", "message": "no such thing"}, 1, 3),
    ],
)
def test_a_refusal_is_the_servers_own_word_and_is_not_asked_for_again(status, body, exit_code, tries):
    with answering((status, body)) as (wire, asked), pytest.raises(RemoteError) as refused:
        wire.get("runs/get", run_id="x")
    assert (refused.value.status, refused.value.exit_code, len(asked)) == (status, exit_code, tries)
    assert "no such thing" in refused.value.what or status == 404


def test_who_is_not_known_is_told_how_to_say_it_and_a_redirect_is_not_followed_with_a_token():
    with answering((401, b"who?")) as (wire, _), pytest.raises(RemoteError, match="401") as refused:
        wire.get("experiments/search")
    assert refused.value.do == "say who you are: set A"
    with answering((302, b"")) as (wire, _), pytest.raises(RemoteError) as moved:
        wire.get("experiments/search")
    assert moved.value.exit_code == 2


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1]", b'"OK"'])
def test_what_is_no_mlflow_server_is_called_so(body):
    with answering((200, body)) as (wire, _), pytest.raises(Unreachable, match="no MLflow server"):
        wire.get("experiments/search")


def test_pages_are_read_to_the_last_and_a_server_that_never_comes_to_it_is_left():
    with answering((200, {"runs": [1], "next_page_token": "a"}), (200, {"runs": [2]})) as (wire, asked):
        assert list(wire.pages("runs/search", "runs", {})) == [1, 2]
        assert json.loads(asked[1][3])["page_token"] == "a"
    with answering((200, {"runs": [1], "next_page_token": "a"})) as (wire, _), pytest.raises(Unreachable, match="the same page"):
        list(wire.pages("runs/search", "runs", {}))


def test_a_file_that_breaks_off_at_its_source_is_sent_again_and_never_half():
    with answering((BROKEN, b"abc"), (200, b"abcdef")) as (source, _), answering((200, {})) as (target, asked):

        def send():
            with source.stream("/file") as pieces:
                target.put("/file", pieces, 6)
            return True

        with pytest.raises(Unsure) as broken:
            send()
        assert broken.value.where == source.url
        assert target.patiently(send)
    assert [one[3] for one in asked if len(one[3]) == 6] == [b"abcdef"]


def test_secrets_come_from_the_environment_as_mlflows_client_reads_it():
    found = other(
        "http://host", {"MLFLOW_TRACKING_USERNAME": "ines", "MLFLOW_TRACKING_PASSWORD": "é", "MLFLOW_TRACKING_TOKEN": "t"}
    )
    assert found._http.headers["authorization"] == "Basic aW5lczrDqQ=="
    found.close()
    found = other("http://host", {"MLFLOW_TRACKING_TOKEN": "t", "MLFLOW_WORKSPACE": "team"})
    assert (found._http.headers["authorization"], found._http.headers["x-mlflow-workspace"]) == ("Bearer t", "team")
    found.close()


@pytest.mark.parametrize("url", ["", "host:5000", "sqlite:///x.db", "file:///mlruns", "http://", "databricks", "http://a:b@host"])
def test_what_is_no_address_is_refused_and_a_password_in_it_is_not_repeated(url):
    with pytest.raises(BadInput) as refused:
        address(url)
    assert "a:b" not in str(refused.value)
    assert refused.value.do


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("mlflow-artifacts:/1/r/artifacts", "1/r/artifacts"),
        ("mlflow-artifacts://host:5000/1/r/artifacts", "1/r/artifacts"),
        ("http://host/prefix/api/2.0/mlflow-artifacts/artifacts/1/r", "1/r"),
        ("s3://bucket/1/r", None),
        ("/mlruns/1/r", None),
        ("file:///mlruns/1", None),
        ("", None),
    ],
)
def test_where_artifacts_lie_is_read_from_their_address(uri, path):
    assert Root(uri).proxied == path

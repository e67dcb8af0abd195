"""The client over real sockets: what it sends, and what it makes of the answers."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from regie.base.canonical import sha256
from regie.base.errors import RegieError, Unreachable
from regie.client.http import Client, RemoteError


class Door:
    """A server that gives prepared answers and remembers what it was asked."""

    def __init__(self):
        self.answers, self.asked = {}, []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                door.asked.append((self.command, self.path, body, dict(self.headers)))
                status, content = door.answers.get(self.path.partition("?")[0], (404, b'{"detail": "Not Found"}'))
                content = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("REGIE_SERVER", "REGIE_WORKSPACE", "REGIE_TOKEN", "REGIE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def door():
    opened = Door()
    yield opened
    opened.close()


@pytest.fixture
def client(door):
    with Client(door.address, "churn") as made:
        yield made


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (403, "not_allowed", 4), (401, "access.bad_token", 4), (404, "not_found", 5), (422, "input.invalid", 2), (400, "x", 2),
        (501, "not_there_yet", 2), (409, "conflict", 1), (500, "error", 1), (503, "store.unreachable", 6),
        (422, "data.contract_broken", 3), (504, "clock.not_settled", 1),
    ],
)  # fmt: skip
def test_what_the_server_refuses_keeps_its_words_and_gets_its_exit_code(door, client, status, code, exit_code):
    door.answers["/w/churn/api/v1/status"] = (status, {"code": code, "what": "no", "where": "here", "do": "that"})
    with pytest.raises(RegieError) as caught:
        client.status()
    error = caught.value
    assert (error.code, error.status, error.exit_code) == (code, status, exit_code)
    assert str(error) == "here: no\n  -> that"
    assert error.body() == {"code": code, "what": "no", "where": "here", "do": "that"}


def test_one_refusal_does_not_change_the_exit_code_of_the_next(door, client):
    door.answers["/w/churn/api/v1/status"] = (403, {"what": "no"})
    door.answers["/w/churn/api/v1/jobs"] = (404, {"what": "none"})
    with pytest.raises(RemoteError) as first:
        client.status()
    with pytest.raises(RemoteError) as second:
        client.jobs.list()
    assert (first.value.exit_code, second.value.exit_code) == (4, 5)


def test_every_problem_of_a_refused_file_is_told(door, client):
    problems = [{"where": "a:1:2", "what": "bad", "do": "so"}, {"where": "a:3:4", "what": "worse", "do": ""}]
    door.answers["/w/churn/api/v1/status"] = (
        422,
        {"code": "spec.invalid", "what": "bad", "where": "a:1:2", "do": "so", "problems": problems},
    )
    with pytest.raises(RemoteError, match=r"a:1:2: bad \(so\)\na:3:4: worse$"):
        client.status()


def test_an_unknown_path_is_not_found_with_its_name(client):
    with pytest.raises(RemoteError, match=r"GET /w/churn/api/v1/status: the server answered 404") as caught:
        client.status()
    assert caught.value.exit_code == 5


def test_nothing_at_the_address_is_unreachable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unreachable, match="regie up") as caught:
        Client(address).info()
    assert caught.value.exit_code == 6
    assert Client(address).health() is False


@pytest.mark.parametrize("address", ["not an address", "ftp://host", "http://[::1", "", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_unreachable_and_no_crash(address, monkeypatch):
    monkeypatch.setenv("REGIE_SERVER", "http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        Client(address).info()


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"[]", b"null", b""])
def test_what_answers_but_is_no_regie_server_is_said_so(door, client, content):
    door.answers["/w/churn/api/v1/info"] = (200, content)
    with pytest.raises(Unreachable, match="no Regie server"):
        client.info()


def test_a_server_that_dies_in_the_middle_of_an_answer_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def die():
            connection, _ = listener.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=die)
        thread.start()
        with Client(f"http://127.0.0.1:{listener.getsockname()[1]}") as client, pytest.raises(Unreachable, match="no answer"):
            client.info()
        thread.join()


def test_the_token_travels_in_the_header_and_the_workspace_in_the_path(door, monkeypatch):
    monkeypatch.setenv("REGIE_TOKEN", "s3cret")
    door.answers["/w/a%2Fb/api/v1/status"] = (200, {})
    with Client(door.address, "a/b") as client:
        client.status()
    method, path, _, headers = door.asked[0]
    assert (method, path) == ("GET", "/w/a%2Fb/api/v1/status")
    assert headers["authorization"] == "Bearer s3cret"


def test_a_proxy_of_the_environment_is_not_asked_for_a_server_on_this_machine(door, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    door.answers["/api/v1/info"] = (200, {"version": "1"})
    with Client(door.address) as client:
        assert client.info() == {"version": "1"}


def test_nothing_applied_is_none_and_not_an_error(client):
    assert client.spec() is None


def test_applying_sends_the_code_before_the_promises(door, client):
    digest = sha256(b"code")
    door.answers[f"/w/churn/api/v1/blobs/{digest}"] = (201, b"")
    door.answers["/w/churn/api/v1/spec"] = (200, {"changed": True, "digest": "d", "event": "e"})
    assert client.apply({"regie": 1}, root="/here", code=b"code", reason="why")["event"] == "e"
    (first, first_path, content, _), (second, _, body, _) = door.asked
    assert (first, first_path, content, second) == ("PUT", f"/w/churn/api/v1/blobs/{digest}", b"code", "PUT")
    assert json.loads(body) == {"document": {"regie": 1}, "root": "/here", "code_digest": digest, "git": {}, "reason": "why"}


def test_pages_are_read_to_their_end_each_row_once(door, client):
    # Answers by `after`, as the server does: pages of a thousand.
    rows = [{"seq": number} for number in range(1, 2501)]
    pages = {0: rows[:1000], 1000: rows[1000:2000], 2000: rows[2000:]}

    class Pages(dict):
        def get(self, path, default):
            after = int(door.asked[-1][1].split("after=")[1].split("&")[0])
            return 200, pages[after]

    door.answers = Pages()
    assert list(client.audit.records()) == rows
    assert len(door.asked) == 3


def test_names_with_odd_characters_stay_one_part_of_the_path(door, client):
    door.answers["/w/churn/api/v1/models/a%2Fb%3F"] = (200, {"name": "a/b?"})
    assert client.models.show("a/b?")["name"] == "a/b?"

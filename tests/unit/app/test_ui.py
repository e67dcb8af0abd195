"""The control room's page and files, as a browser gets them."""

import asyncio
import gzip
import re

import pytest
from fastapi import FastAPI

from regie.app import ui
from regie.app.home import open_home
from regie.app.policy import PUBLIC, ROUTES
from regie.app.server import create_app

HTML = '<!doctype html><meta name="csp-nonce" content="__NONCE__"><script type="module" src="/assets/main-1a2b3c.js"></script>'
SCRIPT = b"document.title = 'x'; " * 100


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A built control room."""
    folder = tmp_path / "_ui"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(HTML)
    (folder / "sources.sha256").write_text("secret of the build")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets/main-1a2b3c.js").write_bytes(SCRIPT)
    (folder / "assets/main-1a2b3c.js.gz").write_bytes(gzip.compress(SCRIPT, mtime=0))
    (folder / "assets/tiny-9.css").write_bytes(b"a{}")
    (folder / "assets/page.html").write_bytes(b"<script>alert(1)</script>")
    (tmp_path / "outside.js").write_bytes(b"outside")
    monkeypatch.setattr(ui, "FOLDER", folder)
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The whole application, with its doors and its middleware."""
    home = open_home(tmp_path_factory.mktemp("home"))
    yield create_app(home)
    home.store.database.close()


def ask(app: FastAPI, path: str, method: str = "GET", **headers: str):
    """Status, headers and body of an answer."""
    said = {"host": "127.0.0.1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "root_path": "",
        "path": raw.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\"), "raw_path": raw.encode(),
        "query_string": query.encode(), "headers": [(name.encode(), value.encode()) for name, value in said.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8700),
    }  # fmt: skip
    sent, asked = [], [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return asked.pop() if asked else await asyncio.Event().wait()  # nobody hangs up

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(one.get("body", b"") for one in sent[1:])


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "a@1", path)


@pytest.mark.parametrize("prefix", ["", "/w/flights"])
def test_every_address_of_the_control_room_answers_its_page(app, bundle, prefix):
    for path in ui.PAGES:
        status, headers, body = ask(app, prefix + filled(path))
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert b"main-1a2b3c.js" in body


def test_a_workspace_without_a_path_is_its_control_room(app, bundle):
    assert ask(app, "/w/flights")[0] == 200


def test_what_is_no_page_stays_not_found(app, bundle):
    for path in (
        "/index.html",
        "/nowhere",
        "/runs/1/2/3",
        "/assets/",
        "/assets",
        "/_ui/index.html",
        "/sources.sha256",
        "/w/flights/x",
    ):
        assert ask(app, path)[0] == 404, path
    assert ask(app, "/api/v1/nowhere")[1]["content-type"] == "application/json"


def test_who_follows_a_wrong_link_in_a_browser_is_told_so_by_the_page_and_a_program_in_json(app, bundle):
    for path in ("/nope", "/w/flights/nope"):
        status, headers, body = ask(app, path, sec_fetch_dest="document")
        assert (status, headers["content-type"]) == (404, "text/html; charset=utf-8"), path
        assert "script-src 'self'" in headers["content-security-policy"]
        assert b"main-1a2b3c.js" in body
        for dest in ({}, {"sec_fetch_dest": "empty"}, {"sec_fetch_dest": "script"}):
            assert ask(app, path, **dest)[2] == b'{"detail":"Not Found"}', (path, dest)


def test_a_page_is_made_anew_for_each_answer_and_never_kept(app, bundle):
    nonces = set()
    for _ in range(3):
        _, headers, body = ask(app, "/")
        assert headers["cache-control"] == "no-store"
        (nonce,) = re.findall(rb'content="([^"]+)"', body)
        assert f"'nonce-{nonce.decode()}'" in headers["content-security-policy"]
        assert b"__NONCE__" not in body
        nonces.add(nonce)
    assert len(nonces) == 3


def test_a_page_lets_nothing_in_but_what_the_server_itself_sends(app, bundle):
    _, headers, _ = ask(app, "/w/flights/runs")
    rules = dict(one.strip().partition(" ")[::2] for one in headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert (rules["base-uri"], rules["frame-ancestors"], rules["form-action"]) == ("'none'", "'none'", "'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert "*" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_a_file_is_kept_for_good_and_comes_compressed_to_who_takes_that(app, bundle):
    status, headers, body = ask(app, "/assets/main-1a2b3c.js", accept_encoding="br, gzip;q=0.8")
    assert (status, headers["content-encoding"], headers["content-type"]) == (200, "gzip", "text/javascript; charset=utf-8")
    assert gzip.decompress(body) == SCRIPT
    assert "immutable" in headers["cache-control"]
    assert headers["vary"] == "accept-encoding"
    assert headers["x-content-type-options"] == "nosniff"
    assert int(headers["content-length"]) == len(body)


@pytest.mark.parametrize("accepted", [{}, {"accept_encoding": "gzip;q=0, br"}, {"accept_encoding": "identity"}])
def test_a_file_comes_as_it_is_to_who_takes_nothing_else(app, bundle, accepted):
    status, headers, body = ask(app, "/assets/main-1a2b3c.js", **accepted)
    assert (status, "content-encoding" in headers, body) == (200, False, SCRIPT)


def test_what_was_not_worth_compressing_comes_as_it_is(app, bundle):
    assert ask(app, "/assets/tiny-9.css", accept_encoding="gzip")[2] == b"a{}"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../sources.sha256", "/assets/..%2fsources.sha256", "/assets/%2e%2e/index.html", "/assets/..%2f..%2foutside.js",
        "/assets//etc/passwd", "/assets/..%5coutside.js", "/assets/main-1a2b3c.js.gz", "/assets/page.html", "/assets/.js",
        "/assets/main-1a2b3c.js\n", "/assets/main-1a2b3c.js\0.js", "/assets/" + "a" * 5000 + ".js", "/assets/none-1.js",
    ],
)  # fmt: skip
def test_nothing_but_the_files_of_the_bundle_is_sent(app, bundle, path):
    status, headers, body = ask(app, path)
    assert status == 404
    assert headers["content-type"] == "application/json"
    assert b"secret" not in body


@pytest.mark.parametrize("path", ["/", "/w/flights/models/flights", "/assets/main-1a2b3c.js", "/favicon.svg"])
def test_the_head_of_an_answer_is_that_of_the_whole(app, bundle, path):
    whole, head = ask(app, path), ask(app, path, "HEAD")
    same = ("content-type", "content-length", "cache-control")
    assert head[0] == 200
    assert [head[1].get(name) for name in same] == [whole[1].get(name) for name in same]


def test_a_page_cannot_be_written_to(app, bundle):
    assert [ask(app, "/runs", method)[0] for method in ("POST", "PUT", "DELETE")] == [405] * 3


def test_without_a_bundle_a_page_says_in_both_languages_how_to_get_it(app, bundle):
    (bundle / "index.html").unlink()
    status, headers, body = ask(app, "/w/flights/runs")
    text = body.decode()
    assert (status, headers["cache-control"]) == (503, "no-store")
    assert "The control room is not there" in text
    assert "La salle de contrôle n’est pas là" in text
    assert text.count("make ui") == 2
    (nonce,) = re.findall(r'<style nonce="([^"]+)"', text)
    assert f"'nonce-{nonce}'" in headers["content-security-policy"]
    assert ask(app, "/assets/gone-1.js")[0] == 404


def test_the_page_is_for_everybody_and_shows_nothing_of_a_workspace():
    assert {ROUTES["GET", path] for path in (*ui.PAGES, ui.ASSET)} == {PUBLIC}

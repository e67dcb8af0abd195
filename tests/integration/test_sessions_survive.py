"""`kill -9` of a server in the midst of sign-ins, changes and streams: what it answered for stands, the rest is whole or not there."""

import threading
from contextlib import suppress

import httpx2
import pytest

from regie.store import actors
from regie.store.change import Store
from regie.store.database import Database
from regie.store.types import LOCAL
from tests.support.platform import Platform, until
from tests.support.stream import Browser

PEOPLE = 6  # who sign in while the server is killed


class Killed:
    """A server that was killed while people signed in and pages listened, and is there again."""

    def __init__(self, folder):
        self.platform = Platform(folder)
        self.platform.begin("server")
        self.origin = {"origin": self.platform.address}
        self.signed_in, self.added = {}, []
        self.store = Store(Database(f"sqlite:///{self.platform.home / 'regie.db'}"), None)
        self.browsers = [Browser(self.platform.port) for _ in range(2)]

    def live_through_it(self):
        with self.platform.http() as http:
            self.codes = [self.code(http) for _ in range(PEOPLE + 1)]  # the last one is not used before the kill
            self.early = self.sign_in(http, self.code(http)).headers["set-cookie"].partition(";")[0]
        until(lambda: all(one.boots for one in self.browsers), "the pages listen")
        self.happens("first")
        until(lambda: all(one.heard for one in self.browsers), "the pages hear")
        self.blow()
        for number in range(3):
            self.happens(f"away{number}")  # another process, while the server is away
        self.platform.begin("server")
        self.happens("last")

    def blow(self):
        """The kill, once somebody has been answered and others have not."""
        threads = [threading.Thread(target=self.sign_in_late, args=(code,)) for code in self.codes[:PEOPLE]]
        threads.append(threading.Thread(target=self.change_on))
        for one in threads:
            one.start()
        until(lambda: self.signed_in and self.added, "the first are answered")
        self.platform.kill("server")
        for one in threads:
            one.join()

    def sign_in_late(self, code):
        with suppress(httpx2.TransportError), self.platform.http() as http:
            self.signed_in[code] = self.sign_in(http, code).headers["set-cookie"].partition(";")[0]

    def change_on(self):
        with suppress(httpx2.TransportError), self.platform.http("flights") as http:
            while True:
                name = f"own{len(self.added)}"
                assert http.post("/api/v1/actors", json={"name": name, "roles": ["viewer"]}).status_code in (200, 201)
                self.added.append(name)

    def happens(self, name):
        with self.store.change(LOCAL, "actor.add", name, workspace="flights") as tx:
            actors.add(tx, name, ["viewer"], workspace="flights")

    def code(self, http):
        return http.post("/api/v1/session/codes").json()["code"]

    def sign_in(self, http, code):
        return http.post("/api/v1/session", json={"code": code}, headers=self.origin)

    def asks(self, http, cookie):
        return http.get("/api/v1/session", headers={"cookie": cookie, "sec-fetch-site": "same-origin"})

    def close(self):
        for one in self.browsers:
            one.close()
        self.store.database.close()
        self.platform.stop()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    made = Killed(tmp_path_factory.mktemp("killed"))
    try:
        made.live_through_it()
        yield made
    finally:
        made.close()


def test_a_page_that_was_listening_comes_back_and_has_missed_nothing_and_heard_nothing_twice(killed):
    said = killed.platform.rows("SELECT seq, subject FROM events ORDER BY seq")
    last = said[-1]["seq"]
    assert said[-1]["subject"] == "last"
    for page in killed.browsers:
        until(lambda page=page: page.numbers[-1] >= last, "the page has heard it all")
        first = page.numbers[0]
        assert page.numbers == [one["seq"] for one in said if one["seq"] >= first]
        assert [one["subject"] for one in page.heard] == [one["subject"] for one in said if one["seq"] >= first]
        assert page.lost == 0
        assert len(set(page.boots)) == 2  # the page knows that it is another process
    assert set(killed.added) <= {one["subject"] for one in said}


def test_who_was_signed_in_stays_signed_in(killed):
    with killed.platform.http() as http:
        for cookie in (killed.early, *killed.signed_in.values()):
            assert killed.asks(http, cookie).status_code == 200, cookie


def test_a_code_was_used_once_and_signed_in_or_is_as_it_was(killed):
    """Before the test below, which uses what is left."""
    with killed.platform.http() as http:
        for code in killed.signed_in:
            assert killed.sign_in(http, code).status_code == 401
    kept = [len(killed.platform.rows(f"SELECT hash FROM {table}")) for table in ("session_codes", "sessions", "session_uses")]
    assert kept[0] + kept[1] == PEOPLE + 2, kept  # each is a code or a session; one had signed in before
    assert kept[1] == kept[2] >= len(killed.signed_in) + 1, kept
    opened = killed.platform.rows(
        "SELECT record FROM audit_records WHERE record LIKE '%session.open%' AND record LIKE '%\"done\"%'"
    )
    assert len(opened) == kept[1]


def test_a_code_that_nobody_had_used_works_after_the_kill_once(killed):
    with killed.platform.http() as http:
        first, again = (killed.sign_in(http, killed.codes[-1]) for _ in range(2))
        assert (first.status_code, again.status_code) == (200, 401)
        left = [code for code in killed.codes[:PEOPLE] if code not in killed.signed_in]
        assert {killed.sign_in(http, code).status_code for code in left} <= {200, 401}
        assert {killed.sign_in(http, code).status_code for code in left} <= {401}

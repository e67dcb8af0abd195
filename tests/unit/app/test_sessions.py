"""Sign-in at a browser: one code, one session; and whatever a stranger, another page or an old cookie tries, it opens nothing."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import select, update

from regie.app import server
from regie.app.home import open_home
from regie.app.invariants import broken
from regie.app.pages import session as api
from regie.base.clock import DAY_MS, HOUR_MS, MINUTE_MS, wall_ms
from regie.store import actors, audit, sessions
from regie.store.tables import session_codes, session_uses, tokens
from regie.store.tables import sessions as sessions_table
from regie.store.tokens import issue
from regie.store.types import LOCAL

SITE = "http://127.0.0.1:8700"
PAGE = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
COOKIE = "regie_session_8700"
INFO = "/api/v1/info"


class World:
    """An application, asked by browsers and by programs."""

    def __init__(self, home):
        self.home, self.store, self.app = home, home.store, server.create_app(home)
        self.tests, self.before = 0, 0

    def begin(self):
        """Another test: nobody is signed in, and the people of the last one are gone."""
        for table in (sessions_table, session_uses, session_codes):
            self.alter(table.delete())
        self.app.state.sign_ins = api.Tries()
        self.tests += 1
        with self.store.read() as db:
            self.before = audit.anchor(db)["seq"]

    @property
    def ann(self):
        return f"ann{self.tests}"

    def call(self, method, path, *, cookie="", site=SITE, token="", json=None, page=True, **headers):
        """One request. `page`: with what a browser adds to a request of a page of ours."""
        said = {**(PAGE if page else {}), **({"origin": site} if page and method != "GET" else {})}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        said |= {"cookie": cookie} if cookie else {}
        said |= {"authorization": f"Bearer {token}"} if token else {}
        said = {name: value for name, value in said.items() if value}

        async def ask():
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url=site, trust_env=False) as client:
                return await client.request(method, path, json=json, headers=said)

        return asyncio.run(ask())

    def code(self, token=""):
        answer = self.call("POST", "/api/v1/session/codes", token=token, page=False)
        assert answer.status_code == 201, answer.text
        return answer.json()["code"]

    def sign_in(self, site=SITE, **body):
        return self.call("POST", "/api/v1/session", json=body, site=site)

    def cookie(self, token=""):
        """What a browser sends once its person has signed in."""
        return cookie_of(self.sign_in(code=self.code(token)))

    def person(self, *roles, name="", workspace="flights"):
        with self.store.change(LOCAL, "actor.add", name or self.ann, workspace=workspace) as tx:
            return actors.add(tx, name or self.ann, roles, workspace=workspace)

    def alter(self, statement):
        with self.store.database.write() as connection:
            connection.execute(statement)

    def records(self, action):
        with self.store.read() as db:
            return [one for one in audit.records(db, self.before) if one["action"] == action]


def cookie_of(answer):
    return answer.headers["set-cookie"].partition(";")[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    home = open_home(tmp_path_factory.mktemp("home"))
    yield World(home)
    assert broken(home.store.database, home.folder) == []
    home.store.database.close()


@pytest.fixture
def world(whole):
    whole.begin()
    return whole


# --- what it is for ---


def test_a_code_signs_in_the_person_who_asked_for_it(world):
    token = world.person("validator")
    answer = world.sign_in(code=world.code(token))
    assert (answer.status_code, answer.json()["actor"], answer.json()["kind"]) == (200, world.ann, "token")
    cookie = cookie_of(answer)
    again = world.call("GET", "/api/v1/session", cookie=cookie).json()
    assert [one["roles"] for one in again.pop("workspaces")] == [["validator"]]
    assert again.items() <= answer.json().items()
    assert world.call("GET", f"/w/flights{INFO}", cookie=cookie).status_code == 200
    assert world.call("GET", INFO, cookie=cookie).status_code == 403  # the token is for flights alone


def test_a_token_that_was_pasted_signs_in_its_person_and_a_code_of_the_laptop_the_local_user(world):
    assert world.sign_in(token=world.person("viewer")).json()["actor"] == world.ann
    answer = world.sign_in(code=world.code())
    assert (answer.json()["actor"], answer.json()["kind"]) == ("local", "local")
    assert answer.json()["roles"] == sorted(LOCAL.roles)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites_and_named_with_the_port(world):
    said = world.sign_in(code=world.code()).headers["set-cookie"]
    assert re.match(rf"{COOKIE}=[\w-]{{43}}; ", said)
    for word in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={7 * 86400}"):
        assert word in said
    assert "Secure" not in said
    assert "Secure" in world.sign_in(site="https://127.0.0.1:8700", code=world.code()).headers["set-cookie"]


def test_signing_in_and_out_stands_in_the_audit_log_under_the_persons_name_and_no_secret_does(world):
    token = world.person("viewer")
    code = world.code(token)
    cookie = cookie_of(world.sign_in(code=code))
    assert world.call("DELETE", "/api/v1/session", cookie=cookie).status_code == 204
    said = [
        (one["actor"], one["action"], one["result"]) for one in world.records("session.open") + world.records("session.close")
    ]
    assert said == [(world.ann, "session.open", "done"), (world.ann, "session.close", "done")]
    kept = (world.home.folder / "regie.db").read_bytes() + (world.home.folder / "regie.db-wal").read_bytes()
    assert not [one for one in (token, code, cookie.partition("=")[2]) if one.encode() in kept]


def test_a_program_without_a_browser_is_what_it_was(world):
    assert world.call("GET", INFO, page=False).status_code == 200
    assert world.call("GET", "/api/v1/session", page=False).json()["actor"] == "local"
    token = world.person("viewer")
    assert world.call("GET", f"/w/flights{INFO}", page=False, token=token).status_code == 200
    assert world.call("GET", f"/w/flights{INFO}", token=token).status_code == 200  # a page of its own that holds a token


@pytest.mark.parametrize("path", ["/health", "/api/openapi.json", "/api/docs", "/version"])
def test_what_is_public_asks_no_page_who_it_is(world, path):
    assert world.call("GET", path).status_code == 200


def test_a_page_without_a_session_is_nobody_and_hears_how_to_sign_in(world):
    for path in (INFO, "/w/flights/api/v1/status", "/api/v1/session", "/api/2.0/mlflow/experiments/search?max_results=1"):
        answer = world.call("GET", path)
        assert answer.status_code == 401, path
    assert (world.call("GET", INFO).json()["code"], "regie open" in world.call("GET", INFO).json()["do"]) == (
        "session.none",
        True,
    )
    assert not [one for one in world.records("home.read") if one["result"] == "refused"]  # to look for a page is no attempt


# --- what ends ---


def test_a_code_works_once_also_for_two_browsers_at_the_same_moment(world):
    code = world.code()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.sign_in(code=code).status_code, range(8)))
    assert sorted(answers) == [200] + [401] * 7
    with world.store.read() as db:
        assert len(db.execute(select(sessions_table)).all()) == 1


def test_a_code_opens_nothing_after_a_quarter_of_an_hour(world):
    code = world.code()
    world.alter(update(session_codes).values(until_wall_ms=wall_ms() - 1))
    assert world.sign_in(code=code).status_code == 401
    assert sessions.CODE_MS == 15 * MINUTE_MS


@pytest.mark.parametrize(
    ("table", "column", "age_ms"),
    [(session_uses, "used_wall_ms", 12 * HOUR_MS), (sessions_table, "opened_wall_ms", 7 * DAY_MS)],
    ids=["unused for 12 hours", "opened 7 days ago"],
)
def test_a_session_ends_by_itself(world, table, column, age_ms):
    cookie = world.cookie()
    world.alter(update(table).values({column: wall_ms() - age_ms + MINUTE_MS}))
    assert world.call("GET", INFO, cookie=cookie).status_code == 200
    world.alter(update(table).values({column: wall_ms() - age_ms - MINUTE_MS}))
    assert world.call("GET", INFO, cookie=cookie).status_code == 401


def test_a_session_that_is_used_goes_on(world):
    cookie = world.cookie()
    world.alter(update(session_uses).values(used_wall_ms=wall_ms() - 11 * HOUR_MS))
    world.call("GET", INFO, cookie=cookie)
    with world.store.read() as db:
        assert db.execute(select(session_uses.c.used_wall_ms)).scalar_one() > wall_ms() - HOUR_MS


@pytest.mark.parametrize("how", ["revoked", "expired", "gone"])
def test_a_session_ends_with_the_token_that_it_came_from(world, how):
    token = world.person("viewer")
    cookie, code = world.cookie(token), world.code(token)
    assert world.call("GET", f"/w/flights{INFO}", cookie=cookie).status_code == 200
    if how == "expired":
        world.alter(update(tokens).values(until_wall_ms=wall_ms() - 1))
    else:
        with world.store.change(LOCAL, "actor.revoke", world.ann) as tx:
            actors.revoke(tx, world.ann) if how == "gone" else actors.revoke_tokens(tx, world.ann)
    assert world.call("GET", f"/w/flights{INFO}", cookie=cookie).json()["code"] == "session.none"
    assert world.sign_in(code=code).status_code == 401
    assert world.sign_in(token=token).status_code == 401


def test_rights_that_are_taken_away_are_gone_at_the_next_request(world):
    cookie = world.cookie(world.person("viewer"))
    with world.store.change(LOCAL, "actor.add", world.ann, workspace="flights") as tx:
        actors.add(tx, world.ann, [], ["viewer"], workspace="flights")
    assert world.call("GET", f"/w/flights{INFO}", cookie=cookie).status_code == 403


def test_after_signing_out_the_cookie_is_worth_nothing(world):
    cookie = world.cookie()
    gone = world.call("DELETE", "/api/v1/session", cookie=cookie)
    assert f'{COOKIE}=""' in gone.headers["set-cookie"]
    assert world.call("GET", INFO, cookie=cookie).status_code == 401
    assert world.call("DELETE", "/api/v1/session", cookie=cookie).status_code == 401


def test_old_sessions_and_codes_make_room(world):
    first = world.cookie()
    code = world.code()
    for _ in range(sessions.MOST_CODES):
        world.code()
    assert world.sign_in(code=code).status_code == 401
    for _ in range(sessions.MOST_SESSIONS):
        world.cookie()
    assert world.call("GET", INFO, cookie=first).status_code == 401
    with world.store.read() as db:
        assert len(db.execute(select(session_uses)).all()) == len(db.execute(select(sessions_table)).all()) == 32
        assert len(db.execute(select(session_codes)).all()) < sessions.MOST_CODES


# --- what is tried ---


def test_whatever_is_wrong_with_a_code_or_a_token_the_answer_is_the_same(world):
    used, token = world.code(), world.person("viewer")
    world.sign_in(code=used)
    with world.store.change(LOCAL, "token.revoke", world.ann) as tx:
        actors.revoke_tokens(tx, world.ann)
    wrong = [{"code": used}, {"code": "made-up"}, {"code": "é" * 99}, {"token": token}, {"token": "made-up"}, {"token": used}]
    answers = [world.sign_in(**one) for one in wrong]
    assert {(one.status_code, one.content, one.headers.get("set-cookie")) for one in answers} == {(401, answers[0].content, None)}
    world.before = 0
    refused = [one for one in world.records("session.open") if one["result"] == "refused"]
    assert {one["actor"] for one in refused} == {"nobody"}
    assert len(refused) == len({(one["target"], one["wall_ms"] // MINUTE_MS) for one in refused})  # one a minute, and a kind


@pytest.mark.parametrize(
    "body", [{}, {"code": "", "token": ""}, {"code": "a", "token": "b"}, {"code": "x" * 1000}, {"code": 7}, []]
)
def test_what_is_neither_a_code_nor_a_token_is_422(world, body):
    assert world.call("POST", "/api/v1/session", json=body).status_code == 422


def test_guessing_is_stopped_until_the_minute_is_over_and_locks_nobody_out(world, monkeypatch):
    now = wall_ms() // MINUTE_MS * MINUTE_MS
    monkeypatch.setattr(api, "wall_ms", lambda: now)
    code = world.code()
    assert {world.sign_in(code=f"guess {number}").status_code for number in range(api.MOST_WRONG)} == {401}
    assert world.sign_in(code="guess").json()["code"] == "session.too_many"
    assert world.sign_in(code=code).status_code == 200
    assert world.sign_in(code=code).json()["code"] == "session.too_many"
    monkeypatch.setattr(api, "wall_ms", lambda: now + MINUTE_MS)
    assert world.sign_in(code=code).json()["code"] == "session.refused"


def test_a_task_or_a_node_signs_nobody_in(world):
    with world.store.machinery() as batch:
        task = issue(batch, "task:1", "task", "run:1")
        node = issue(batch, "n1", "node", "n1")
    for token in (task, node):
        assert world.sign_in(token=token).status_code == 401
        assert world.call("POST", "/api/v1/session/codes", token=token, page=False).status_code == 403
    world.alter(tokens.delete().where(tokens.c.kind != "person"))


def test_a_page_makes_no_codes_so_that_no_session_outlives_itself(world):
    assert world.call("POST", "/api/v1/session/codes").status_code == 401
    assert world.call("POST", "/api/v1/session/codes", cookie=world.cookie()).status_code == 403


def test_the_cookie_of_another_port_is_not_looked_at(world):
    secret = world.cookie().partition("=")[2]
    assert world.call("GET", INFO, cookie=f"regie_session_8800={secret}").status_code == 401
    assert world.call("GET", INFO, cookie=f"{COOKIE}={secret}", site="http://127.0.0.1:8800").status_code == 401


def test_a_cookie_that_another_port_put_beside_ours_signs_nobody_in(world):
    mine, theirs = world.cookie(), world.cookie(world.person("viewer", name=f"mallory{world.tests}"))
    for both in (f"{mine}; {theirs}", f"{theirs}; {mine}"):
        assert world.call("GET", INFO, cookie=both).status_code == 401


def test_a_secret_that_was_chosen_before_the_sign_in_is_never_taken_over(world):
    chosen = f"{COOKIE}=chosen-by-somebody-else-before-the-sign-in"
    answer = world.call("POST", "/api/v1/session", json={"code": world.code()}, cookie=chosen)
    assert cookie_of(answer) != chosen
    assert world.call("GET", INFO, cookie=chosen).status_code == 401


def test_who_signs_in_again_leaves_no_session_behind(world):
    former = world.cookie()
    answer = world.call("POST", "/api/v1/session", json={"code": world.code()}, cookie=former)
    assert world.call("GET", INFO, cookie=former).status_code == 401
    assert world.call("GET", INFO, cookie=cookie_of(answer)).status_code == 200


STRANGERS = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},  # another port of this machine: the browser sends the cookie along
    {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1:9999"},
    {"sec_fetch_site": "", "origin": "http://127.0.0.1:9999"},  # an old browser
    {"sec_fetch_site": "", "origin": "null"},
    {"sec_fetch_site": "", "origin": "http://127.0.0.1:8700.evil.example"},
]


@pytest.mark.parametrize("marks", STRANGERS, ids=[" ".join(one.values()).strip() for one in STRANGERS])
def test_a_page_of_somewhere_else_changes_nothing_with_the_cookie_of_a_person(world, marks):
    cookie = world.cookie()
    for path, body in (("/api/v1/models/m/rollback", {"reason": "x"}), ("/api/2.0/mlflow/experiments/create", {"name": "x"})):
        assert world.call("POST", path, json=body, cookie=cookie, **marks).status_code == 403, path
    assert world.call("DELETE", "/api/v1/session", cookie=cookie, **marks).status_code == 403
    assert world.call("GET", INFO, cookie=cookie).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "new-word"])
def test_a_page_of_somewhere_else_reads_nothing_either(world, site):
    cookie = world.cookie()
    for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")):
        answer = world.call("GET", INFO, cookie=cookie, sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)
        assert (answer.status_code, answer.json()["code"]) == (403, "access.foreign")
    link = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert world.call("GET", INFO, cookie=cookie, **link).status_code == 403
    assert world.call("GET", INFO, **link).status_code == 401  # as browsers send it: SameSite=Strict
    assert world.call("GET", "/api/docs", **link).status_code == 200  # a link in a mail leads to a page


def test_a_page_of_somewhere_else_signs_nobody_in_as_itself(world):
    for marks in STRANGERS:
        assert world.call("POST", "/api/v1/session", json={"code": world.code()}, **marks).status_code == 403


def test_an_old_browsers_own_page_still_works(world):
    cookie = world.cookie()
    old = {"sec_fetch_site": "", "sec_fetch_mode": "", "sec_fetch_dest": ""}
    assert world.call("GET", INFO, cookie=cookie, **old).status_code == 200
    assert world.call("DELETE", "/api/v1/session", cookie=cookie, **old).status_code == 204
    cookie = world.cookie()
    assert (
        world.call("DELETE", "/api/v1/session", cookie=cookie, origin="", **old).status_code == 403
    )  # nobody says where it is from


# --- a link of somebody else ---


def test_a_link_of_somebody_else_signs_nobody_in_unasked_and_stays_what_it_was(world):
    """An attacker's link must not make the person work, unawares, in the attacker's name."""
    cookie, code = world.cookie(), world.code(world.person("viewer"))
    asked = world.call("POST", "/api/v1/session", json={"code": code}, cookie=cookie)
    assert (asked.status_code, asked.json()["code"], asked.json()["where"]) == (409, "session.somebody_else", world.ann)
    assert "set-cookie" not in asked.headers
    assert world.call("GET", "/api/v1/session", cookie=cookie).json()["actor"] == "local"
    answer = world.call("POST", "/api/v1/session", json={"code": code, "instead": True}, cookie=cookie)
    assert (answer.status_code, answer.json()["actor"]) == (200, world.ann)
    assert world.call("GET", "/api/v1/session", cookie=cookie).status_code == 401  # in place of the other one


def test_ones_own_new_link_and_a_token_that_one_gives_are_asked_nothing(world):
    token = world.person("viewer")
    cookie = world.cookie(token)
    again = world.call("POST", "/api/v1/session", json={"code": world.code(token)}, cookie=cookie)
    assert (again.status_code, again.json()["actor"]) == (200, world.ann)
    cookie = world.cookie()
    assert world.call("POST", "/api/v1/session", json={"token": token}, cookie=cookie).json()["actor"] == world.ann


def test_a_session_that_is_over_asks_nothing(world):
    token = world.person("viewer")
    cookie = world.cookie(token)
    world.alter(tokens.delete().where(tokens.c.actor == world.ann))
    assert world.call("POST", "/api/v1/session", json={"code": world.code()}, cookie=cookie).json()["actor"] == "local"

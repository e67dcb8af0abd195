"""Sign-in of people at a browser: a code or a token opens a session, which a cookie names.

The cookie is out of reach of scripts, goes to this server's own pages only, and is worth what its token is worth. Whatever is wrong with a
code or a token is answered with one sentence; so many wrong ones within a minute, and the next ones are told to wait. What is right always
signs in: nobody guesses 256 bits, and nobody shall lock others out by trying.
"""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from starlette.datastructures import Headers

from regie.app import browser
from regie.app.caller import PERSONAL, Caller, CallerOf, ForeignPage, of_holder
from regie.app.pages.acts import Shown
from regie.base.clock import MINUTE_MS, wall_ms
from regie.base.errors import Conflict, NotAllowed, RegieError
from regie.base.version import VERSION
from regie.registry import queries as registry
from regie.store import sessions
from regie.store.actors import UNKNOWN
from regie.store.change import Store, business_now
from regie.store.sessions import SignInRefused
from regie.store.tables import workspaces

router = APIRouter(tags=["session"])
MOST_WRONG = 30  # a minute, of a server


class TooMany(RegieError):
    """Too many wrong codes and tokens in this minute."""

    code, status, exit_code = "session.too_many", 429, 1


class SomebodyElse(Conflict):
    """A link would sign in another person than the one who is signed in: the page asks first. `where`: for whom the link is."""

    code = "session.somebody_else"


class SignIn(BaseModel):
    """A code of `regie open`, or a token of a person. `instead`: also where somebody else is signed in, which a link alone never does."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field("", max_length=sessions.SECRET_CHARS)
    token: str = Field("", max_length=sessions.SECRET_CHARS)
    instead: bool = False

    @model_validator(mode="after")
    def one(self) -> "SignIn":
        if bool(self.code) == bool(self.token):
            raise ValueError("send either a code or a token")
        return self


class CodeShown(Shown):
    """It opens one session, once, until then."""

    code: str
    until_wall_ms: int


class Place(Shown):
    """A workspace that the person sees, and the roles in it. `now_ms`: business time; `driven`: a replay moves it.

    `model`, `endpoint`: what its regie.yaml serves; null where it serves nothing.
    """

    name: str
    roles: list[str]
    driven: bool
    now_ms: int
    model: str | None
    endpoint: str | None


class SessionShown(Shown):
    """Who is signed in. `roles`: those that hold in every workspace; `until_ms`: its end if it is not used, null for no session."""

    actor: str
    kind: Literal["local", "token"]
    roles: list[str]
    workspaces: list[Place]
    laptop: bool = True  # the server listens on loopback only, until there is another way to authenticate
    version: str = VERSION
    opened_ms: int | None
    until_ms: int | None


class Tries:
    """Wrong codes and tokens of the running minute, at one server."""

    def __init__(self) -> None:
        self.minute, self.wrong = 0, 0

    def look(self) -> None:
        """Raises TooMany."""
        if wall_ms() // MINUTE_MS == self.minute and self.wrong >= MOST_WRONG:
            raise TooMany("too many wrong codes and tokens", "sign-in", "wait a minute, then `regie open`")

    def note(self) -> None:
        now = wall_ms() // MINUTE_MS
        self.minute, self.wrong = now, self.wrong + 1 if now == self.minute else 1


@router.post("/api/v1/session/codes", status_code=201)
def new_code(caller: Caller) -> CodeShown:
    """A code for the caller. A page makes none: its session would outlive itself."""
    if caller.session is not None or caller.actor.kind != "person":
        raise NotAllowed("a session makes no codes", "POST /api/v1/session/codes", "`regie open`, in a terminal")
    until = wall_ms() + sessions.CODE_MS
    with caller.store.machinery(durable=True) as batch:
        return CodeShown(code=sessions.new_code(batch, caller.holder), until_wall_ms=until)


@router.post("/api/v1/session", response_model=SessionShown)
def sign_in(body: SignIn, request: Request, response: Response) -> SessionShown:
    """Open a session, in place of the one that the browser has. Raises SignInRefused, TooMany, ForeignPage, SomebodyElse."""
    store, headers, scheme = request.app.state.store, request.headers, request.url.scheme
    if browser.is_pages(headers, scheme) and not browser.may_change(headers, scheme):
        raise ForeignPage("a page of another origin asks", "header Origin", "use the control room of this server")
    tries: Tries = request.app.state.sign_ins
    try:
        caller, secret = _opened(store, body, headers, scheme)
    except SignInRefused as error:
        tries.look()
        tries.note()
        what = "a code" if body.code else "a token"
        store.note_refusal(UNKNOWN, "session.open", what, "it opens nothing", workspace=PERSONAL)
        raise error
    response.set_cookie(
        browser.cookie_name(headers, scheme), secret, max_age=sessions.LONGEST_MS // 1000, path="/", secure=scheme == "https",
        httponly=True, samesite="strict",
    )  # fmt: skip
    return shown(caller)


def _opened(store: Store, body: SignIn, headers: Headers, scheme: str) -> tuple[CallerOf, str]:
    """Who is signed in now, and the secret of the session."""
    former = browser.secret(headers, scheme)
    with store.read() as db:
        holder = sessions.of_code(db, body.code) if body.code else sessions.of_token(db, body.token)
        who = of_holder(db, holder, PERSONAL)
        known = sessions.found(db, former) if former else None
        here = of_holder(db, known.holder, PERSONAL) if known else None
    if who.wrong:
        raise sessions.refused()
    if body.code and not body.instead and here and not here.wrong and here.here.name != holder.actor:
        what = f"{here.here.name} is signed in here, and the link signs in {holder.actor}"
        raise SomebodyElse(what, holder.actor, "ask the person, then send instead: true")
    how = "with a code" if body.code else "with a token"
    with store.change(who.anywhere, "session.open", holder.actor, how, workspace=PERSONAL) as tx:
        if body.code:
            sessions.use_code(tx, body.code)
        secret = sessions.open_session(tx, holder, known.hash if known else "")
    with store.read() as db:
        return CallerOf(store, who, PERSONAL, sessions.found(db, secret)), secret


@router.get("/api/v1/session", response_model=SessionShown)
def session(caller: Caller) -> SessionShown:
    """Who asks, and what they see. Also for a program, which has no session."""
    return shown(caller)


@router.delete("/api/v1/session", status_code=204)
def sign_out(caller: Caller, request: Request) -> Response:
    """End the session of the browser that asks."""
    if caller.session is not None:
        with caller.store.change(caller.known.anywhere, "session.close", caller.actor.name, workspace=PERSONAL) as tx:
            sessions.close(tx, caller.session.hash)
    answer = Response(status_code=204)
    scheme = request.url.scheme
    name = browser.cookie_name(request.headers, scheme)
    answer.delete_cookie(name, path="/", secure=scheme == "https", httponly=True, samesite="strict")
    return answer


def shown(caller: CallerOf) -> SessionShown:
    places = caller.places()
    with caller.store.read() as db:
        now = {one.workspace: business_now(db, one.workspace) for one in places}
        driven = set(db.execute(select(workspaces.c.name).where(workspaces.c.clock == "driven")).scalars())
        served = {one.workspace: registry.served(db, one.workspace) for one in places}
    return SessionShown(
        actor=caller.actor.name,
        kind="token" if caller.known.key else "local",
        roles=sorted(caller.known.everywhere.roles),
        workspaces=[
            Place(
                name=one.workspace,
                roles=sorted(one.actor.roles),
                driven=one.workspace in driven,
                now_ms=now[one.workspace],
                model=what.model if (what := served[one.workspace]) else None,
                endpoint=what.endpoint if what else None,
            )
            for one in places
        ],
        opened_ms=caller.session.opened_ms if caller.session else None,
        until_ms=caller.session.until_ms if caller.session else None,
    )

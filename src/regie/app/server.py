"""The control plane's process: API, MLflow wire, turns.

Laptop mode binds to loopback only; `Host` and `Origin` are checked, so that no web page can drive it through a browser.
"""

import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from urllib.parse import urlsplit

import anyio.to_thread
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, OperationalError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from regie.app import ui, wiring
from regie.app.browser import foreign
from regie.app.doors import guard, note_foreign
from regie.app.feed import Feed
from regie.app.home import Home
from regie.app.leader import TurnLoop
from regie.app.mlflow.routes import install as install_mlflow
from regie.app.pages.session import Tries
from regie.app.wanted import Lookout
from regie.app.workspace_path import WorkspacePath
from regie.base.clock import MINUTE_MS, wall_ms
from regie.base.errors import BadInput, RegieError
from regie.base.version import VERSION
from regie.store.change import Store
from regie.store.database import THREADS, failure
from regie.store.verifications import Verifier

log = logging.getLogger("regie.server")
# A client that logs once a minute keeps its connection: after 5 s, as uvicorn has it, each call would make a new one, and one that is
# sent in the moment of the closing would fail.
KEEP_ALIVE_S = 75
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


class PortBusy(RegieError):
    """Somebody else listens on the port."""

    code, status, exit_code = "process.port_busy", 500, 1


class OpenToTheWorld(RegieError):
    """Without configured authentication only loopback is allowed."""

    code, status, exit_code = "access.not_loopback", 500, 4


class LocalOnly:
    """Answers requests addressed to this machine, from this machine's pages, and no others."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self.app, self.store = app, store
        self.noted = 0  # the minute in which one was audited: a page that sends thousands must not keep others from writing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (wrong := _wrong(scope)):
            if (minute := wall_ms() // MINUTE_MS) != self.noted:
                self.noted = minute
                await run_in_threadpool(note_foreign, self.store, scope, wrong)
            body = {"code": "access.foreign", "what": wrong, "where": "laptop mode", "do": "use 127.0.0.1"}
            await JSONResponse(body, status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _wrong(scope: Scope) -> str:
    if wrong := _foreign(dict(scope["headers"])):
        return f"{wrong} is not this machine"
    return foreign(scope["method"], Headers(scope=scope))


def _foreign(headers: dict[bytes, bytes]) -> str:
    host = headers.get(b"host", b"").decode("latin-1")
    if host and _hostname(f"//{host}") not in LOOPBACK:
        return f"Host {host}"
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and _hostname(origin) not in LOOPBACK:
        return f"Origin {origin}"
    return ""


def _hostname(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # half of an IPv6 address
        return None


def create_app(home: Home) -> FastAPI:
    """The control plane as an ASGI application; its turns start and stop with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        turns = TurnLoop(home.store, home.predictions)
        turns.start()
        yield
        turns.stop()

    app = FastAPI(
        title="Regie", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        redirect_slashes=False,  # it would lead from `/w/NAME/...` to the same route of the personal workspace
    )  # fmt: skip
    app.state.store, app.state.home, app.state.predictions = home.store, home, home.predictions
    app.state.lookout = Lookout(home.store)
    app.state.verifier = Verifier(home.store)
    app.state.sign_ins, app.state.feed = Tries(), Feed(home.store)
    app.add_exception_handler(RegieError, _regie_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OperationalError, _database_error)
    app.add_exception_handler(DataError, _unkeepable)
    app.add_exception_handler(404, _nowhere)
    for router in wiring.ROUTERS:  # the MLflow wire is installed below, with its own errors
        app.include_router(router)
    install_mlflow(app)
    guard(app, home.store)
    app.add_middleware(WorkspacePath, store=home.store)
    app.add_middleware(LocalOnly, store=home.store)
    return app


async def _regie_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RegieError)
    return JSONResponse(error.body(), status_code=error.status)


async def _nowhere(request: Request, error: Exception) -> Response:
    """Who follows a wrong link in a browser is told so by the control room's own page."""
    if request.method == "GET" and request.headers.get("sec-fetch-dest") == "document":
        return await run_in_threadpool(ui.page, 404)
    return JSONResponse({"detail": "Not Found"}, status_code=404)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"code": "input.invalid", "what": first["msg"], "where": where, "do": "see /api/docs"}, status_code=422)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OperationalError)
    log.error("the database failed: %s", error)
    means = failure(error)
    return JSONResponse(means.body(), status_code=means.status)


async def _unkeepable(request: Request, error: Exception) -> JSONResponse:
    means = BadInput(
        "a value is longer or greater than what can be kept, or holds the null character", "", "send less, and plain text"
    )
    return JSONResponse(means.body(), status_code=means.status)


def bind(host: str, port: int) -> socket.socket:
    """Listen, before anything else is done. Raises PortBusy, OpenToTheWorld."""
    if host not in LOOPBACK:
        raise OpenToTheWorld(f"{host} is open to others, and no authentication is configured", "--host", "bind to 127.0.0.1")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise PortBusy(
            f"port {port} of {host} is in use", "--port", f"choose another port, or end what uses it ({error.strerror})"
        ) from error
    return listener


class Server(uvicorn.Server):
    """Ends what never ends by itself as soon as it is told to: else it would wait for it."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self.feed = feed

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.feed.end()
        super().handle_exit(sig, frame)


def serve(home: Home, host: str, port: int) -> int:
    """Run until SIGTERM; returns the exit code."""
    listener = bind(host, port)
    app = create_app(home)
    # What is there now stays: a walk through all of it (30 ms) would fall into whatever large answer is being made.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE_S,
        lifespan="on",
        ws="none",
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again once it has drained; what follows is ours
    Server(config, app.state.feed).run(sockets=[listener])
    home.store.database.close()
    return 0

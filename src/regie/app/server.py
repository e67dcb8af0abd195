"""The control plane's process: API, MLflow wire, turns.

Laptop mode binds to loopback only; `Host` and `Origin` are checked, so that no web page can drive it through a browser.
"""

import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp, Receive, Scope, Send

from regie.app import wiring
from regie.app.doors import guard, note_foreign
from regie.app.home import Home
from regie.app.mlflow.routes import install as install_mlflow
from regie.app.turns import TurnLoop
from regie.app.workspace_path import WorkspacePath
from regie.base.errors import RegieError, StorageFull
from regie.base.version import VERSION
from regie.store.change import Store

log = logging.getLogger("regie.server")
# SQLite's words for a full disk, and for a file that reached the limit of its file system or process; PostgreSQL's.
FULL = ("is full", "disk I/O error", "No space left")
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (wrong := _foreign(dict(scope["headers"]))):
            await run_in_threadpool(note_foreign, self.store, scope, f"{wrong} is not this machine")
            body = {
                "code": "access.foreign",
                "what": f"{wrong} is not this machine",
                "where": "laptop mode",
                "do": "use 127.0.0.1",
            }
            await JSONResponse(body, status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _foreign(headers: dict[bytes, bytes]) -> str:
    host = headers.get(b"host", b"").decode("latin-1")
    if host and urlsplit(f"//{host}").hostname not in LOOPBACK:
        return f"Host {host}"
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and urlsplit(origin).hostname not in LOOPBACK:
        return f"Origin {origin}"
    return ""


def create_app(home: Home) -> FastAPI:
    """The control plane as an ASGI application; its turns start and stop with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        turns = TurnLoop(home.store, home.predictions)
        turns.start()
        yield
        turns.stop()

    app = FastAPI(title="Regie", version=VERSION, lifespan=lifespan, docs_url="/api/docs", openapi_url="/api/openapi.json")
    app.state.store, app.state.home, app.state.predictions = home.store, home, home.predictions
    app.add_exception_handler(RegieError, _regie_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OperationalError, _database_error)
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


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"code": "input.invalid", "what": first["msg"], "where": where, "do": "see /api/docs"}, status_code=422)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    log.error("the database failed: %s", error)
    said = str(getattr(error, "orig", error))
    if any(words in said for words in FULL):
        full = StorageFull(
            f"the disk is full, or fails; nothing of this was kept: {said[:200]}", "the database", "look at the disk, then repeat"
        )
        return JSONResponse(full.body(), status_code=full.status)
    body: dict[str, Any] = {"code": "store.unreachable", "what": "the database does not answer", "where": "", "do": "try again"}
    return JSONResponse(body, status_code=503)


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


def serve(home: Home, host: str, port: int) -> int:
    """Run until SIGTERM; returns the exit code."""
    listener = bind(host, port)
    config = uvicorn.Config(create_app(home), log_level="warning", access_log=False, timeout_graceful_shutdown=10, lifespan="on")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again once it has drained; what follows is ours
    uvicorn.Server(config).run(sockets=[listener])
    home.store.database.close()
    return 0

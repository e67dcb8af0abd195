"""`regie serve`: one process that answers (event loop), logs (sync thread) and syncs (syncer thread).

It starts from the files of its home and needs no control plane. `serve.json` tells a supervisor who this is (pid, start, nonce), so
that a living process is adopted rather than started again. SIGTERM: requests that have begun are answered, the log is synced.
"""

import asyncio
import gc
import logging
import os
import re
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from regie.base.clock import wall_ms
from regie.base.errors import RegieError
from regie.base.ids import go_on_after, new_id
from regie.predictions.segments import segments
from regie.serving import intact
from regie.serving.errors import OpenToTheWorld, PortBusy
from regie.serving.files import read_json, write_json
from regie.serving.http import LOOPBACK, Door
from regie.serving.log import PredictionLog
from regie.serving.plane import ControlPlane, Report
from regie.serving.router import Router
from regie.serving.sync import Syncer
from regie.serving.takeup import ROUTES_FILE, TakeUp
from regie.serving.upload import Uploader

NODE_FILE, SERVE_FILE, UPLOADED_FILE, LOG_FOLDER = "node.json", "serve.json", "uploaded.json", "log"
GRACE_S = 10
KEY = re.compile(r"[0-9a-f]{64}")
SWITCH_S = 0.0005  # the syncer's thread holds the interpreter for at most so long; Python's 5 ms would show in latencies
log = logging.getLogger("regie.serving")


@dataclass(frozen=True)
class Node:
    """`tag`: in its prediction ids; `key`: of the seal of its route file."""

    id: str
    tag: int
    key: bytes


def main(home: Path, server: str, host: str, port: int, token: str | None) -> int:
    """Run until SIGTERM; returns the exit code. What prevents a start is told on stderr."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        listener = bind(host, port)
        node = _node(home)
        prediction_log = PredictionLog(home / LOG_FOLDER)
    except RegieError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{home}: the home cannot be used: {error.strerror}", file=sys.stderr)
        return 1
    sys.setswitchinterval(SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(home, server, listener, node, prediction_log, token))
    finally:
        prediction_log.close()
    return 0


def bind(host: str, port: int) -> socket.socket:
    """Listen, before anything else is done. Raises PortBusy, OpenToTheWorld."""
    if host.strip("[]") not in LOOPBACK:
        raise OpenToTheWorld(f"{host} is open to others, and no authentication is configured", "--host", "bind to 127.0.0.1")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortBusy(
            f"port {port} of {host} cannot be used: {error.strerror}", "--port", "choose another port, or end what uses it"
        ) from error
    return listener


async def _run(
    home: Path, server: str, listener: socket.socket, node: Node, prediction_log: PredictionLog, token: str | None
) -> None:
    router, nonce = Router(home, prediction_log, node.tag), secrets.token_hex(16)
    refused = intact.Refused()
    file = intact.routes(home / ROUTES_FILE, node.key, refused)
    intact.packages(home, file, refused)
    failed = router.start(file)
    port = listener.getsockname()[1]
    address = f"http://{listener.getsockname()[0]}:{port}"
    plane, fetching, sending = (ControlPlane(server, node.id, token) for _ in range(3))
    takeup = TakeUp(home, router, asyncio.get_running_loop(), fetching, failed, node.key, refused)
    uploader = Uploader(home / UPLOADED_FILE, prediction_log, sending)
    if uploader.last_id:
        go_on_after(uploader.last_id)  # a clock that was set back while this node was down must not make its ids smaller
    syncer = Syncer(Report(nonce, address, node.tag), plane, takeup, uploader, router, prediction_log)
    write_json(home / SERVE_FILE, {"pid": os.getpid(), "started_ms": wall_ms(), "nonce": nonce, "port": port, "address": address})
    gc.freeze()  # what was imported and opened stays: the collector need not look at it at each turn
    syncer.start()
    config = uvicorn.Config(
        Door(router, nonce), log_level="warning", access_log=False, lifespan="off", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S, ws="none", timeout_keep_alive=75,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again once it has drained; what follows is ours
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        await router.close()
        await asyncio.to_thread(syncer.stop)
        for connection in (plane, fetching, sending):
            connection.close()
        _gone(home, nonce)


def _node(home: Path) -> Node:
    """Who this node is. One without a log is new: the control plane knows the offsets of the former one."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / NODE_FILE
    saved = read_json(path)
    key = _key(path, saved or {})
    if saved is None or not segments(home / LOG_FOLDER):
        saved = {"id": new_id(), "tag": secrets.randbits(16)}
        (home / UPLOADED_FILE).unlink(missing_ok=True)
    if saved.get("key") != key:
        saved = {**saved, "key": key}
        write_json(path, saved)
    return Node(str(saved["id"]), int(saved["tag"]), bytes.fromhex(key))


def _key(path: Path, saved: dict[str, Any]) -> str:
    """The key of the seal: a new one where there is none, or where others could have read it. A route file is then fetched anew."""
    key = saved.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        return secrets.token_hex(32)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        log.error("%s could be read by others: this node makes itself a new key", path)
        return secrets.token_hex(32)
    return key


def _gone(home: Path, nonce: str) -> None:
    if (read_json(home / SERVE_FILE) or {}).get("nonce") == nonce:
        (home / SERVE_FILE).unlink(missing_ok=True)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop

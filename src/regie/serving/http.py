"""The HTTP door of the data plane: raw ASGI, since a framework would cost more than the model.

| page | is |
|---|---|
| `POST /invocations`, `POST /endpoints/NAME/invocations` | MLflow's scoring protocol |
| `/v2`, `/v2/health/live`, `/v2/health/ready`, `/v2/models/NAME`, `.../ready`, `.../infer` | Open Inference Protocol v2 |
| `GET /health`, `GET /metrics` | state, with the memory that each process holds; Prometheus text |

A body has at most 10 MiB. Laptop mode: `Host` and `Origin` must be this machine.
"""

import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from regie.base.errors import BadInput, RegieError
from regie.base.version import VERSION
from regie.runtime.signature import to_json
from regie.serving import bodies
from regie.serving.children import resident_bytes
from regie.serving.errors import Foreign, Malformed, TooLarge, UnknownEndpoint, WrongMethod
from regie.serving.live import LiveRoute
from regie.serving.router import Router
from regie.serving.rows import time_ms

BODY_BYTES, DROPPED_BYTES = 10 << 20, 100 << 20
REQUEST_ID_CHARS = 128
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
JSON, TEXT = b"application/json", b"text/plain; version=0.0.4; charset=utf-8"
_DATATYPES = {"float": "FP64", "int": "INT64", "bool": "BOOL", "str": "BYTES", "time": "BYTES"}
log = logging.getLogger("regie.serving")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Door:
    """The ASGI application."""

    def __init__(self, router: Router, nonce: str) -> None:
        self.router, self.nonce = router, nonce

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        kind = JSON
        try:
            headers = dict(scope["headers"])
            _check_local(headers)
            path, method = scope["path"], scope["method"]
            if path.endswith("/invocations") and method == "POST":
                status, body = 200, await self._score(_scored(scope), headers, receive)
            elif path.endswith("/infer") and method == "POST":
                status, body = 200, await self._infer(_inferred(scope), headers, receive)
            else:
                status, body, kind = self._page(method, path, _parts(scope))
        except RegieError as error:
            self.router.counters.refused += error.status < 500
            status, body = error.status, json.dumps(error.body())
        except Exception:  # the outermost loop of a request
            log.exception("a request failed")
            status, body = (
                500,
                json.dumps({"code": "error", "what": "this node failed", "where": scope["path"], "do": "see its log"}),
            )
        await _reply(send, status, body.encode("utf-8", "replace"), kind)

    async def _score(self, name: str | None, headers: dict[bytes, bytes], receive: Receive) -> str:
        body = await _body(receive)
        route = self.router.route(name)
        records = bodies.scoring_records(bodies.parse(body))
        return bodies.scoring_answer(await self.router.answer(route, records, _request_id(headers), self._given_ms(headers)))

    async def _infer(self, name: str, headers: dict[bytes, bytes], receive: Receive) -> str:
        body = await _body(receive)
        route = self.router.route(name)
        data = bodies.parse(body)
        given = data.get("id")
        if given is not None and not isinstance(given, str):
            raise BadInput(f"id is {given!r}, not a string")
        request_id = _request_id(headers) or _checked_id(given or "")
        answer = await self.router.answer(route, bodies.inference_records(data), request_id, self._given_ms(headers))
        return bodies.inference_answer(answer, name, given or answer.request_id)

    def _given_ms(self, headers: dict[bytes, bytes]) -> int | None:
        """`Regie-Time`, where the clock is driven; nobody moves a wall clock."""
        if self.router.clock != "driven" or b"regie-time" not in headers:
            return None
        text = headers[b"regie-time"].decode("latin-1").strip()
        try:
            return int(text) if text.isdigit() else time_ms(text)
        except ValueError:
            raise BadInput(f"{text[:40]!r} is not a time", "Regie-Time", "send ISO 8601, or milliseconds since 1970") from None

    def _page(self, method: str, path: str, parts: list[str]) -> tuple[int, str, bytes]:
        if path == "/metrics":
            _get(method, path)
            return 200, self.router.counters.text(), TEXT
        data = self._read(method, path, parts)
        return (200 if data.get("ready", True) else 503), json.dumps(data), JSON

    def _read(self, method: str, path: str, parts: list[str]) -> dict[str, Any]:
        match parts:
            case ["health"]:
                data: dict[str, Any] = self._health()
            case ["v2"]:
                data = {"name": "regie", "version": VERSION, "extensions": []}
            case ["v2", "health", "live"]:
                data = {"live": True}
            case ["v2", "health", "ready"]:
                data = {"ready": bool(self.router.routes)}
            case ["v2", "models", name]:
                data = _metadata(self.router.route(name))
            case ["v2", "models", name, "ready"]:
                data = {"name": name, "ready": name in self.router.routes}
            case ["invocations"] | ["endpoints", _, "invocations"] | ["v2", "models", _, "infer"]:
                raise WrongMethod(f"{method} is not taken here", path, "use POST")
            case _:
                raise UnknownEndpoint("there is no such page", path, "POST /invocations, or see /v2 and /health")
        _get(method, path)
        return data

    def _health(self) -> dict[str, Any]:
        endpoints = {name: route.body() for name, route in self.router.routes.items()}
        state = "answering" if endpoints else "waiting for a first route"
        memory_bytes = resident_bytes(os.getpid())
        return {
            "status": "ok", "state": state, "nonce": self.nonce, "version": VERSION, "memory_bytes": memory_bytes,
            "endpoints": endpoints,
        }  # fmt: skip


def _metadata(route: LiveRoute) -> dict[str, Any]:
    """As the protocol describes a model."""
    inputs = [
        {
            "name": column["name"],
            "datatype": _DATATYPES[column["type"]],
            "shape": [-1],
            "parameters": {"nullable": column["nullable"]},
        }
        for column in to_json(route.package.signature)
    ]
    multiclass = route.package.kind == "multiclass"
    outputs = [{"name": "predictions", "datatype": "FP64", "shape": [-1, len(route.package.classes)] if multiclass else [-1]},
               {"name": "prediction_ids", "datatype": "BYTES", "shape": [-1]}]  # fmt: skip
    return {"name": route.endpoint.name, "versions": [str(route.champion.variant.version)], "platform": "regie",
            "inputs": inputs, "outputs": outputs}  # fmt: skip


def _get(method: str, path: str) -> None:
    if method not in ("GET", "HEAD"):
        raise WrongMethod(f"{method} is not taken here", path, "use GET")


def _parts(scope: Message) -> list[str]:
    """The path's parts; a name may hold an escaped slash."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return [unquote(part) for part in raw.decode("latin-1").strip("/").split("/")]


def _scored(scope: Message) -> str | None:
    if scope["path"] == "/invocations":
        return None
    match _parts(scope):
        case ["endpoints", name, "invocations"]:
            return name
    raise UnknownEndpoint("there is no such page", scope["path"], "POST /endpoints/NAME/invocations")


def _inferred(scope: Message) -> str:
    match _parts(scope):
        case ["v2", "models", name, "infer"]:
            return name
        case ["v2", "models", name, "versions", _, "infer"]:
            raise UnknownEndpoint("the route chooses the version here", scope["path"], f"POST /v2/models/{name}/infer")
    raise UnknownEndpoint("there is no such page", scope["path"], "POST /v2/models/NAME/infer")


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id")
    return _checked_id(given.decode("latin-1").strip()) if given else ""


def _checked_id(text: str) -> str:
    if len(text) > REQUEST_ID_CHARS or not text.isprintable():
        raise BadInput(
            "the request id is too long or not printable", "X-Request-Id", f"send at most {REQUEST_ID_CHARS} characters"
        )
    return text


async def _body(receive: Receive) -> bytes:
    """The whole body. What is too large is read and dropped, so that the client, who is still sending, hears why; up to a limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > BODY_BYTES:
            raise _too_large()
        return body
    pieces, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("the client went away before its whole body was here")
        size += len(message.get("body", b""))
        if size > DROPPED_BYTES:
            raise _too_large()
        if size <= BODY_BYTES:
            pieces.append(message.get("body", b""))
        else:
            pieces.clear()
    if size > BODY_BYTES:
        raise _too_large()
    return b"".join(pieces)


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {BODY_BYTES >> 20} MiB", do="send fewer rows in a request")


def _check_local(headers: dict[bytes, bytes]) -> None:
    """So that no web page can ask through a browser, by a name of its own or from another origin."""
    host, origin = headers.get(b"host", b""), headers.get(b"origin")
    if host and not _local(b"//" + host):
        raise Foreign(f"Host {host.decode('latin-1')[:80]} is not this machine", "laptop mode", "use 127.0.0.1")
    if origin and not _local(origin):
        raise Foreign(f"Origin {origin.decode('latin-1')[:80]} is not this machine", "laptop mode", "use 127.0.0.1")


@lru_cache(256)
def _local(url: bytes) -> bool:
    try:
        return urlsplit(url.decode("latin-1")).hostname in LOOPBACK
    except ValueError:
        return False


async def _reply(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body may not have been read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

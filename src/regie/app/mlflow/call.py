"""One request on the wire: how it is read, and the route that reads it, calls its function and sends the answer.

Numbers may come as text, as protobuf writes them; unknown fields are ignored; an empty answer is `{}`.
"""

import inspect
import json
import math
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect

from regie.app.caller import Caller, CallerOf
from regie.app.caller import caller as let_in
from regie.app.mlflow.answers import of_database, refused, sent
from regie.base.errors import BadInput, RegieError

BODY_BYTES = 16 << 20
LARGE_BYTES = 1 << 20  # to be read in a thread: 16 MB take a third of a second, in which nobody else would be answered
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
Answering = Callable[[Request], Coroutine[Any, Any, Response]]


class WireRoute(APIRoute):
    """A route of the wire, called without FastAPI's solving and checking, which took longer than a whole `log-metric` takes now.

    Its function takes a `Wire`, a `Caller`, the `Request`, and texts of its path, nothing else; it returns JSON or a Response.
    """

    def get_route_handler(self) -> Answering:
        return answering(self.endpoint)


def answering(function: Callable[..., Any]) -> Answering:
    """What reads a request, calls the function with it, and answers; found out once. Errors speak MLflow's JSON."""
    wanted = {name: _wanted(function, one) for name, one in inspect.signature(function).parameters.items()}
    reads, asks = Call in wanted.values(), CallerOf in wanted.values()
    waits = inspect.iscoroutinefunction(function)

    async def answer(request: Request) -> Response:
        try:
            found: dict[type, Any] = {Request: request}
            if asks or reads:
                found[CallerOf] = let_in(request)
            if reads:
                found[Call] = await call(request, found[CallerOf])
            said = {name: found[kind] if kind is not str else request.path_params[name] for name, kind in wanted.items()}
            # Also the making of the JSON: of a long page it would hold up everybody else's requests.
            return _sent(await function(**said)) if waits else await run_in_threadpool(lambda: _sent(function(**said)))
        except RegieError as error:
            return refused(error)
        except DBAPIError as error:
            return refused(of_database(error, request.url.path))

    return answer


def _wanted(function: Callable[..., Any], parameter: inspect.Parameter) -> type:
    annotated = get_args(parameter.annotation)
    kind: type = annotated[0] if annotated else parameter.annotation
    if kind not in (Call, CallerOf, Request, str):
        raise TypeError(f"{function.__name__} asks for {parameter}, which no route of the wire gives")
    return kind


def _sent(answer: Any) -> Response:
    return answer if isinstance(answer, Response) else sent(answer)


@dataclass(frozen=True)
class Call:
    """The caller and what it said."""

    caller: CallerOf
    said: dict[str, Any]

    @property
    def workspace(self) -> str:
        return self.caller.workspace

    def text(self, name: str) -> str:
        """A required text. Raises BadInput."""
        value = self.optional(name)
        if not value:
            raise BadInput(f"Missing value for required parameter '{name}'", name, "send it")
        return value

    def optional(self, name: str) -> str | None:
        value = self.said.get(name)
        if value is not None and not isinstance(value, str):
            raise BadInput(f"Invalid value {value!r} for parameter '{name}'", name, "send text")
        return value

    def run_id(self) -> str:
        """`run_id`, or the old `run_uuid`."""
        return self.optional("run_id") or self.optional("run_uuid") or self.text("run_id")

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.said.get(name)
        if value is None:
            if default is None:
                raise BadInput(f"Missing value for required parameter '{name}'", name, "send it")
            return default
        return integer(value, name)

    def texts(self, name: str) -> list[str]:
        value = self.said.get(name) or []
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in found):
            raise BadInput(f"Invalid value for parameter '{name}'", name, "send a list of texts")
        return found

    def objects(self, name: str) -> list[dict[str, Any]]:
        value = self.said.get(name) or []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise BadInput(f"Invalid value for parameter '{name}'", name, "send a list of objects")
        return value

    def pairs(self, name: str) -> dict[str, str]:
        """A list of {key, value} as a mapping; the last one of a key holds. `regie.` is ours."""
        found = {}
        for one in self.objects(name):
            key, value = one.get("key"), "" if one.get("value") is None else one["value"]
            if not isinstance(key, str) or not key or not isinstance(value, str):
                raise BadInput(f"Invalid value {one!r} for parameter '{name}'", name, "send key and value as text")
            found[ours(key)] = value
        return found


def ours(key: str) -> str:
    """A key that a client may write. Raises BadInput."""
    if key.startswith("regie."):
        raise BadInput(f"the tag {key} is written by Regie alone", "key", "choose another prefix than regie.")
    return key


def integer(value: Any, name: str) -> int:
    """An int64 as number, even 1.5, or as text, as stock takes it. Raises BadInput."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        number = int(value) if isinstance(value, int) or _plain(value) else int(float(value))
        if isinstance(value, str) and number != float(value) and not _plain(value):
            raise ValueError(value)
    except (ValueError, OverflowError):
        raise BadInput(f"Invalid value {value!r} for parameter '{name}'", name, "send a whole number") from None
    if not -(1 << 63) <= number < 1 << 63:
        raise BadInput(f"Invalid value {value!r} for parameter '{name}'", name, "it must fit 64 bits")
    return number


def _plain(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip("+-").isdigit()


def number(value: Any, name: str) -> float:
    """A float as number or text; `NaN`, `Infinity` as text. Raises BadInput."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        return float(value)
    except (ValueError, OverflowError):
        raise BadInput(f"Invalid value {value!r} for parameter '{name}'", name, "send a number") from None


def shown(value: float) -> float | str:
    """A float as JSON can say it."""
    return "NaN" if math.isnan(value) else value


def present(**said: Any) -> dict[str, Any]:
    """What is neither None nor an empty list."""
    return {name: value for name, value in said.items() if value is not None and value != []}


async def call(request: Request, caller: Caller) -> Call:
    """Read the query of a GET, or the JSON of any other request. Raises BadInput."""
    if "\x00" in request.scope["path"]:
        raise BadInput("the path holds the null character", "path", "leave it out")
    if request.method in ("GET", "HEAD"):
        said: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            said[name] = value if name not in said else [*(said[name] if isinstance(said[name], list) else [said[name]]), value]
        storable(said)
        return Call(caller, said)
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_BYTES:
                raise BadInput(f"the body has more than {BODY_BYTES} bytes", request.url.path, "send it in pieces")
    except ClientDisconnect:
        raise BadInput("the request ended before its end", request.url.path, "send it again") from None
    if len(body) > LARGE_BYTES:
        return Call(caller, await run_in_threadpool(_json, request, bytes(body)))
    return Call(caller, _json(request, bytes(body)))


def _json(request: Request, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise BadInput("Bad Request. Content-Type must be application/json", "Content-Type", "say it in the header")
    try:
        said = json.loads(body.decode())
        if b"\\u" in body:  # only an escape can say what no database keeps
            storable(said)
    except (ValueError, RecursionError):
        raise BadInput("Malformed JSON in the body", request.url.path, "send valid JSON") from None
    if not isinstance(said, dict):
        raise BadInput("the body is no JSON object", request.url.path, "send an object")
    return said


def storable(said: Any, field: str = "") -> None:
    """Raises BadInput for text that PostgreSQL cannot hold: the null character, or half of a surrogate pair."""
    if isinstance(said, dict):
        for name, one in said.items():
            storable(name, f"{field}.{name!a}" if field else f"{name!a}")
            storable(one, f"{field}.{name}" if field else str(name))
    elif isinstance(said, list):
        for place, one in enumerate(said):
            storable(one, f"{field}[{place}]")
    elif isinstance(said, str) and _UNSTORABLE.search(said):
        raise BadInput(
            f"Invalid value for parameter '{field}': it holds the null character or half of a surrogate pair", field,
            "send text that is valid UTF-8",
        )  # fmt: skip


Wire = Annotated[Call, Depends(call)]

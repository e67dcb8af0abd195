"""One request on the wire: its parameters, and its errors in MLflow's JSON.

Numbers may come as text, as protobuf writes them; unknown fields are ignored; an empty answer is `{}`.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import IntegrityError

from regie.app.caller import Caller, CallerOf
from regie.base.errors import BadInput, NotAllowed, NotFound, NotThereYet, RegieError, StorageFull
from regie.store.tokens import BadToken
from regie.tracking.types import AlreadyExists

BODY_BYTES = 16 << 20
MAX_RESULTS = 50_000
# Stock's answers, but a wrong state: it says 500, which its clients repeat for minutes; it is the caller's 400.
CODES: tuple[tuple[type[RegieError], str, int], ...] = (
    (BadToken, "UNAUTHENTICATED", 401),
    (NotAllowed, "PERMISSION_DENIED", 403),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS", 400),
    (NotThereYet, "NOT_IMPLEMENTED", 501),
    (StorageFull, "RESOURCE_EXHAUSTED", 507),
    (RegieError, "INVALID_PARAMETER_VALUE", 400),
)
Item = TypeVar("Item")


class WireRoute(APIRoute):
    """A route whose errors speak MLflow's JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RegieError as error:
                return refused(error)
            except IntegrityError:
                # Two writers took one name in the same moment; the database decided.
                return refused(
                    AlreadyExists("somebody else has just taken that name", request.url.path, "use it, or choose another")
                )

        return answer


def refused(error: RegieError) -> JSONResponse:
    """An error as MLflow's client reads it."""
    code, status = next((code, status) for kind, code, status in CODES if isinstance(error, kind))
    text = f"{error.what}. {error.do}." if error.do else error.what
    return JSONResponse({"error_code": code, "message": text}, status_code=status)


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
            key, value = one.get("key"), one.get("value", "")
            if not isinstance(key, str) or not key or not isinstance(value, str):
                raise BadInput(f"Invalid value {one!r} for parameter '{name}'", name, "send key and value as text")
            found[ours(key)] = value
        return found

    def page(self, default: int = 1000, most: int = MAX_RESULTS) -> tuple[int, int]:
        """(limit, offset) of `max_results` and `page_token`."""
        limit = self.integer("max_results", 0) or default
        if not 0 < limit <= most:
            raise BadInput(f"Invalid value {limit} for parameter 'max_results'", "max_results", f"ask for 1 to {most}")
        return limit, _offset(self.optional("page_token"))


def ours(key: str) -> str:
    """A key that a client may write. Raises BadInput."""
    if key.startswith("regie."):
        raise BadInput(f"the tag {key} is written by Regie alone", "key", "choose another prefix than regie.")
    return key


def integer(value: Any, name: str) -> int:
    """An int64 as number or text, even `1.5`, as stock takes it. Raises BadInput."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        number = int(value) if isinstance(value, int) else int(value) if _plain(value) else int(float(value))
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


def token(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def _offset(text: str | None) -> int:
    if not text:
        return 0
    try:
        found = json.loads(base64.b64decode(text, validate=True))["offset"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise BadInput("Invalid page token", "page_token", "send what the last page gave")
    return found


def paged(name: str, found: list[Item], limit: int, offset: int, show: Callable[[list[Item]], list[Any]]) -> dict[str, Any]:
    """A page of what was read with one more than the limit; empty lists and the last token are left out."""
    page = found[:limit]
    answer: dict[str, Any] = {name: show(page)} if page else {}
    return answer | ({"next_page_token": token(offset + limit)} if len(found) > limit else {})


def present(**said: Any) -> dict[str, Any]:
    """What is neither None nor an empty list."""
    return {name: value for name, value in said.items() if value is not None and value != []}


async def call(request: Request, caller: Caller) -> Call:
    """Read the query of a GET, or the JSON of any other request. Raises BadInput."""
    if request.headers.get("x-mlflow-workspace"):
        raise BadInput(
            "FEATURE_DISABLED: workspaces are not selected by a header", "X-MLFLOW-WORKSPACE", "use .../w/NAME in the address"
        )
    if request.method == "GET":
        said: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            said[name] = value if name not in said else [*(said[name] if isinstance(said[name], list) else [said[name]]), value]
        return Call(caller, said)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES:
            raise BadInput(f"the body has more than {BODY_BYTES} bytes", request.url.path, "send it in pieces")
    return Call(caller, _json(request, bytes(body)))


def _json(request: Request, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise BadInput("Bad Request. Content-Type must be application/json", "Content-Type", "say it in the header")
    try:
        said = json.loads(body)
    except ValueError:
        raise BadInput("Malformed JSON in the body", request.url.path, "send valid JSON") from None
    if not isinstance(said, dict):
        raise BadInput("the body is no JSON object", request.url.path, "send an object")
    return said


Wire = Annotated[Call, Depends(call)]

"""What leaves on the wire: JSON that is made in one place, and errors as MLflow's client reads them."""

import json
import logging
from typing import Any

from fastapi.responses import Response
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from regie.base.errors import BadInput, NotAllowed, NotFound, NotThereYet, RegieError, StorageFull
from regie.store.database import DatabaseUnreachable, failure
from regie.store.tokens import BadToken
from regie.tracking.types import AlreadyExists

log = logging.getLogger("regie.server")
# Stock's answers, but a wrong state: it says 500, which its clients repeat for minutes; it is the caller's 400. What clients
# repeat (503) is only what may go better the next time.
CODES: tuple[tuple[type[RegieError], str, int], ...] = (
    (BadToken, "UNAUTHENTICATED", 401),
    (NotAllowed, "PERMISSION_DENIED", 403),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS", 400),
    (NotThereYet, "NOT_IMPLEMENTED", 501),
    (DatabaseUnreachable, "TEMPORARILY_UNAVAILABLE", 503),
    (StorageFull, "RESOURCE_EXHAUSTED", 507),
    (RegieError, "INVALID_PARAMETER_VALUE", 400),
)
# One encoder for all: with options, `json.dumps` makes a new one at each call. A NaN is a text before it comes here.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_EMPTY = b"{}"


def sent(body: Any, status: int = 200) -> Response:
    """An answer of JSON: of what it is made of, or of its bytes where somebody has made them already."""
    made = body if isinstance(body, bytes) else _JSON.encode(body).encode() if body else _EMPTY
    return Response(made, status, media_type="application/json")


def refused(error: RegieError) -> Response:
    """An error as MLflow's client reads it."""
    code, status = next((code, status) for kind, code, status in CODES if isinstance(error, kind))
    text = f"{error.what}. {error.do}." if error.do else error.what
    return sent({"error_code": code, "message": text}, status)


def of_database(error: DBAPIError, where: str) -> RegieError:
    """What the database's refusal means to whoever called. Raises the error itself where it means a mistake of ours."""
    if isinstance(error, IntegrityError):
        # Two writers took one name in the same moment; the database decided.
        return AlreadyExists("somebody else has just taken that name", where, "use it, or choose another")
    if isinstance(error, DataError):
        return BadInput("a value is longer or greater than what can be kept", where, "send less")
    if isinstance(error, OperationalError):
        log.error("the database failed: %s", error)
        return failure(error)
    raise error

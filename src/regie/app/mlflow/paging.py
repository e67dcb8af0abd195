"""Pages on the wire: how much is wanted, and the token that says where the next page begins.

Our tokens carry the position of a page's last thing, and a digest of the question; stock's, `{"offset": n}`, are taken too.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from regie.app.mlflow.call import Call, integer
from regie.base.errors import BadInput
from regie.tracking.keyset import Position, Window

MAX_RESULTS = 50_000
_MAX_OFFSET = 1 << 53


@dataclass(frozen=True)
class Page:
    """The part of an answer that is wanted, and the digest of what was asked."""

    window: Window
    question: str

    def token(self, after: Position) -> str:
        said = json.dumps({"after": after, "of": self.question}, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(said.encode()).decode()


def asked(call: Call, default: int, most: int = MAX_RESULTS, besides: tuple[str, ...] = ()) -> Page:
    """What `max_results` and `page_token` say. `besides`: what else makes another search. Raises BadInput.

    A token of another filter, order or place is refused: its position means nothing there.
    """
    said = call.said.get("max_results")
    limit = default if said is None else integer(said, "max_results")
    if not 0 < limit <= most:
        raise BadInput(f"Invalid value {limit} for parameter 'max_results'", "max_results", f"ask for 1 to {most}")
    parts = [call.optional("filter") or "", call.said.get("order_by") or [], *(_sorted(call.said.get(name)) for name in besides)]
    question = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return Page(window(Window(limit), call.optional("page_token"), question), question)


def _sorted(said: Any) -> Any:
    """A list of names is the same in any order."""
    return sorted(said) if isinstance(said, list) and all(isinstance(one, str) for one in said) else said


def window(first: Window, token: str | None, question: str) -> Window:
    """The part of an answer that a token says. Raises BadInput for one of another question."""
    if not token:
        return first
    try:
        # Both alphabets: ours fits an address, stock's is the plain one.
        found = json.loads(base64.b64decode(token.replace("-", "+").replace("_", "/"), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("after"), list):
        if found.get("of") != question:
            raise BadInput("Invalid page token: it was given for another search", "page_token",
                           "send it with the same filter, order and experiments, or leave it out")  # fmt: skip
        return replace(first, after=tuple(found["after"]))
    offset = found.get("offset") if isinstance(found, dict) else None
    if isinstance(offset, int) and not isinstance(offset, bool) and 0 <= offset < _MAX_OFFSET:
        return replace(first, offset=offset)
    raise BadInput("Invalid page token", "page_token", "send what the last page gave")


def shown(name: str, items: list[Any], page: Page, following: Position | None) -> dict[str, Any]:
    """The answer; an empty list and the token of a last page are left out."""
    answer: dict[str, Any] = {name: items} if items else {}
    return answer if following is None else answer | {"next_page_token": page.token(following)}


def written(name: str, texts: list[str], page: Page, following: Position | None) -> bytes:
    """The answer of things that are JSON text already."""
    parts = [f'"{name}":[{",".join(texts)}]'] if texts else []
    parts += [] if following is None else [f'"next_page_token":"{page.token(following)}"']
    return f"{{{','.join(parts)}}}".encode()

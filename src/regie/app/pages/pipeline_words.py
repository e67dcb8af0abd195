"""What the pages of pipelines, runs and tasks share: states, values, and how long a text may be."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from regie.app.pages.acts import Shown
from regie.base.blobs import BlobStore
from regie.base.canonical import canonical
from regie.base.errors import NotFound

RunState = Literal["queued", "running", "finished", "failed", "cancelled"]
TaskState = Literal["waiting", "running", "retrying", "finished", "cached", "failed", "unreached"]
SHOWN_CHARS = 2_000
MANIFEST_BYTES = 4 << 20


class Held(Shown):
    """What a task took or returned: a blob by its digest, or a JSON value as text. `rows`, `size_bytes`, `files`: where known."""

    kind: str
    digest: str
    value: str
    rows: int | None
    size_bytes: int | None
    files: int | None


def held(blobs: BlobStore, given: Mapping[str, Any]) -> Held:
    digest = str(given.get("digest") or "")
    size, files = _size(blobs, digest, given["kind"] == "model") if digest else (None, None)
    value = cut(canonical(given["value"])) if given["kind"] == "json" else ""
    return Held(kind=given["kind"], digest=digest, value=value, rows=given.get("rows"), size_bytes=size, files=files)


def cut(text: str, most: int = SHOWN_CHARS) -> str:
    """A text that may be of any length, as a page shows it."""
    return text if len(text) <= most else f"{text[:most]}…"


def _size(blobs: BlobStore, digest: str, manifest: bool) -> tuple[int | None, int | None]:
    """(bytes, files) of a blob, or of the package that a manifest names; nothing of one that is gone."""
    try:
        size = blobs.path(digest).stat().st_size
        if not manifest or size > MANIFEST_BYTES:
            return size, None
        facts = json.loads(blobs.get(digest)).values()
        return sum(fact["bytes"] for fact in facts), len(facts)
    except (OSError, NotFound, ValueError, KeyError, TypeError, AttributeError):
        return None, None

"""Artifacts as a person looks at them: folders page by page, the first part of a file, pictures and pages in a sandbox.

Somebody's file never becomes a page of this server. Text goes out as JSON, and the control room shows it as text. A picture or an HTML
file is sent under a policy of its own, in which no script runs and which has no origin; everything else is a download
(`/api/2.0/mlflow-artifacts/artifacts/...`). What a file is, its content says, except for HTML and tables: those say it by their names.
"""

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.mlflow import places
from regie.app.mlflow.places import Place
from regie.app.pages import table_files
from regie.app.pages.acts import Shown
from regie.base.errors import NotFound
from regie.tracking import artifacts

router = APIRouter()
ENTRIES = 200
TEXT_BYTES, SHOWN_BYTES = 64 << 10, 20 << 20
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
_HEADERS = {
    "Content-Security-Policy": SANDBOX, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "private, no-store",
}  # fmt: skip
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF87a": "image/gif", b"GIF89a": "image/gif",
}  # fmt: skip
_HTML = (".html", ".htm")


class Entry(Shown):
    """What lies directly in a folder: a file with its size, or a folder with None."""

    name: str
    bytes: int | None


class Folder(Shown):
    """A page of a folder, in the order of paths. `place`: its root and path; `next`: what the following page begins behind."""

    place: str
    entries: list[Entry]
    next: str | None


class TextPart(Shown):
    """Some of a text: the bytes from `begin` up to `end`, of as many as the file has. A broken character shows as U+FFFD."""

    text: str
    begin: int
    end: int


class TablePart(Shown):
    """The first rows and columns of a table; `rows_count` where the file says how many there are."""

    columns: list[str]
    rows: list[list[float | str | None]]
    rows_count: int | None
    more_rows: bool
    more_columns: bool


class Preview(Shown):
    """The first look at a file. `sort` none: it is `too_large` or `binary`, and can be downloaded."""

    place: str
    bytes: int
    digest: str
    sort: Literal["image", "html", "table", "text", "none"]
    because: Literal["", "too_large", "binary"]
    text: TextPart | None
    table: TablePart | None


@router.get("/api/v1/pages/artifacts", response_model=Folder)
def listed(caller: Caller, place: str, after: str = "") -> Folder:
    where = places.place(place)
    places.may_see(caller, where)
    with caller.store.read() as db:
        if where.sort != "packages":
            return folder(db, caller.workspace, where.root, where.path, places.safe(after.rstrip("/")) and after, ENTRIES)
        names = places.listing(db, caller.store.blobs, caller.workspace, where)
    shown = [Entry(name=str(one["path"]), bytes=one.get("file_size")) for one in names]
    return Folder(place=place, entries=shown[:ENTRIES], next=None)


def folder(db: Connection, workspace: str, root: str, path: str, after: str, limit: int) -> Folder:
    """A page of a folder of a run or a logged model."""
    found, more = artifacts.page(db, workspace, root, path, after, limit)
    last = found[-1].name + ("/" if found[-1].bytes is None else "") if found else ""
    return Folder(
        place=f"{root}/{path}" if path else root, entries=[Entry(name=one.name, bytes=one.bytes) for one in found],
        next=last if more else None,
    )  # fmt: skip


@router.get("/api/v1/pages/artifact", response_model=Preview)
def preview(caller: Caller, place: str, at: Annotated[int | None, Query(ge=-1, lt=1 << 53)] = None) -> Preview:
    """`at`: from which byte of a text on; -1 means its end, for what still grows."""
    file, digest, where = _file(caller, place)
    size = file.stat().st_size
    sort: Literal["image", "html", "table", "text", "none"] = "none"
    because: Literal["", "too_large", "binary"] = ""
    text, table = None, None
    if (media := _media(file, where)) and at is None:
        sort, because = ("none", "too_large") if size > SHOWN_BYTES else ("html" if media == "text/html" else "image", "")
    elif at is None and (found := table_files.first_rows(file, where.path)) is not None:
        sort, table = "table", TablePart(**vars(found))
    else:
        text = _text(file, size, at or 0)
        sort, because = ("text", "") if text is not None else ("none", "binary")
    return Preview(place=place, bytes=size, digest=digest, sort=sort, because=because, text=text, table=table)


@router.get("/api/v1/pages/artifact/shown", response_class=FileResponse)
def shown(caller: Caller, place: str) -> FileResponse:
    """A picture or an HTML file, in a sandbox. Raises NotFound for anything else."""
    file, _, where = _file(caller, place)
    media = _media(file, where)
    if not media or file.stat().st_size > SHOWN_BYTES:
        raise NotFound(f"{where.path[:200]!r} is no picture and no page that can be shown", where.root, "download it")
    return FileResponse(file, media_type=media, headers=_HEADERS)


def _file(caller: CallerOf, said: str) -> tuple[Path, str, Place]:
    """Raises BadInput, NotAllowed, NotFound."""
    where = places.file_place(said)
    places.may_see(caller, where)
    with caller.store.read() as db:
        digest, _ = places.file(db, caller.store.blobs, caller.workspace, where)
    found = caller.store.blobs.path(digest)
    if not found.is_file():
        raise NotFound(f"the content of {where.path[:200]!r} is gone", where.root, "regie doctor")
    return found, digest, where


def _media(file: Path, where: Place) -> str:
    """The media type of what is shown in a sandbox; else empty."""
    with file.open("rb") as opened:
        head = opened.read(400)
    for start, media in _MAGIC.items():
        if head.startswith(start):
            return media
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    lower = where.path.lower()
    if lower.endswith(".svg") and b"<svg" in head:
        return "image/svg+xml"
    return "text/html" if lower.endswith(_HTML) and b"\x00" not in head else ""


def _text(file: Path, size: int, at: int) -> TextPart | None:
    """A piece of a text, whole characters; None for what is no text."""
    begin = max(0, size - TEXT_BYTES) if at < 0 else min(at, size)
    with file.open("rb") as opened:
        opened.seek(begin)
        piece = opened.read(TEXT_BYTES)
    cut = _whole(piece) if begin + len(piece) < size else len(piece)
    head = next((count for count, byte in enumerate(piece[:4]) if byte & 0xC0 != 0x80), 0) if begin else 0
    decoded = piece[head:cut].decode("utf-8", "replace")
    if "\x00" in decoded or decoded.count("�") > len(decoded) / 20 + 2:
        return None
    return TextPart(text=decoded, begin=begin + head, end=begin + cut)


def _whole(piece: bytes) -> int:
    """Where the last whole character of a piece ends."""
    for back in range(1, min(4, len(piece)) + 1):
        byte = piece[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return len(piece) - back if length > back else len(piece)
    return len(piece)

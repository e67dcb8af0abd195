"""Uploads in parts, and downloads by ranges, for clients that were told to use them (`MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD`, `..._DOWNLOAD`).

The client sends parts to addresses that it was given, which on a cloud are signed: here they lead to this server, with what the
caller showed us, so that each part is asked for its right like any upload. Parts lie beside the blobs until they are put together;
those that nobody completes or aborts, `regie gc` removes. Not announced in `server-info`: one stream is written once, parts twice.
"""

import json
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from regie.app.caller import PERSONAL, Caller, CallerOf
from regie.app.mlflow import places, policy, rights
from regie.app.mlflow.artifacts import Incoming, received
from regie.app.mlflow.call import Call, Wire, WireRoute
from regie.app.mlflow.places import Place
from regie.base.blobs import BlobStore, pieces
from regie.base.errors import BadInput, NotFound

parts = APIRouter(route_class=WireRoute)
MOST_PARTS = 10_000
BASE = "/api/2.0/mlflow-artifacts"
_UPLOAD, _ETAG = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")
_DRIVE = re.compile(r"[A-Za-z]:\\")


@parts.post("/mlflow-artifacts/mpu/create/{path:path}")
def create(path: str, request: Request, call: Wire) -> dict[str, Any]:
    """Addresses for the parts of one file."""
    where, count = _file(call, path), call.integer("num_parts", 1)
    if not 1 <= count <= MOST_PARTS:
        raise BadInput(f"Invalid value {count} for parameter 'num_parts'", "num_parts", f"send 1 to {MOST_PARTS}")
    _may_write(call.caller, where)
    upload = secrets.token_hex(16)
    folder = _folder(call.caller.store.blobs, upload)
    with call.caller.store.blobs.room():
        folder.mkdir()
        said = {"workspace": call.workspace, "root": where.root, "path": where.path}
        (folder / "upload.json").write_text(json.dumps(said), "utf-8")
    addresses = [
        {"url": address(request, call.caller, f"/mpu/parts/{upload}/{number}"), "part_number": number, "headers": _shown(request)}
        for number in range(1, count + 1)
    ]
    return {"upload_id": upload, "credentials": addresses}


def _file(call: Call, path: str) -> Place:
    """The folder of the address, and the last part of the client's own path to the file."""
    local = call.text("path")
    name = re.split(r"[\\/]" if _DRIVE.match(local) else "/", local)[-1]
    return places.file_place(f"{path.rstrip('/')}/{name}")


def _may_write(caller: CallerOf, where: Place) -> None:
    if where.sort == "runs":
        rights.run_measured(caller, where.name)
    places.may_write(caller, where)
    policy.files(caller, where, "written")


def _shown(request: Request) -> dict[str, str]:
    """What the caller showed at the door: the client sends a part without its own credentials."""
    shown = request.headers.get("authorization")
    return {"Authorization": shown} if shown else {}


def address(request: Request, caller: CallerOf, path: str) -> str:
    """Of this server, as the caller reached it."""
    before = "" if caller.workspace == PERSONAL else f"/w/{quote(caller.workspace)}"
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}{before}{BASE}{path}"


@parts.put("/mlflow-artifacts/mpu/parts/{upload}/{number}")
async def put(upload: str, number: str, request: Request, caller: Caller) -> Response:
    """Take one part; the same one again replaces it."""
    part = Part(caller, upload, number)
    await received(request, part)
    return Response(b"", headers={"ETag": f'"{part.etag}"'})


class Part:
    """One part that is being sent: it appears whole, or not at all."""

    def __init__(self, caller: CallerOf, upload: str, number: str) -> None:
        self.caller, self.upload, self.number = caller, upload, number
        self.etag = secrets.token_hex(8)
        self.temporary: Path | None = None
        self.file: BinaryIO | None = None

    def write(self, piece: bytes) -> None:
        with self.caller.store.blobs.room():
            if self.file is None:
                self.temporary = self._begin()
                self.file = self.temporary.open("wb")
            self.file.write(piece)

    def _begin(self) -> Path:
        """Raises NotFound, NotAllowed, BadInput."""
        folder, where = _opened(self.caller, self.upload)
        places.may_write(self.caller, where)
        if not self.number.isdecimal() or not 1 <= int(self.number) <= MOST_PARTS:
            raise BadInput(f"{self.number:.20} is no part", "part_number", f"send 1 to {MOST_PARTS}")
        return folder / f"{int(self.number)}-{self.etag}.tmp"

    def finish(self) -> None:
        assert self.file is not None
        assert self.temporary is not None
        with self.caller.store.blobs.room():
            self.file.close()  # what does not fit any more is said here
        self.temporary.rename(self.temporary.with_suffix(""))

    def drop(self) -> None:
        if self.temporary is not None and self.file is not None:
            with suppress(OSError):
                self.file.close()
            self.temporary.unlink(missing_ok=True)


@parts.post("/mlflow-artifacts/mpu/complete/{path:path}")
def complete(path: str, call: Wire) -> dict[str, Any]:
    """Put the parts together in their order, and name the file."""
    where, upload = _file(call, path), call.text("upload_id")
    folder, begun = _opened(call.caller, upload)
    if begun != where:
        raise BadInput(f"this upload is of {begun.path}", where.root, "complete it under the path that it was begun with")
    files = _named(folder, call.objects("parts"))
    mine = folder.with_name(folder.name + "-completing")  # only one of two that complete it at once goes on
    try:
        folder.rename(mine)
    except OSError:
        raise _unknown(upload) from None
    try:
        _together(Incoming(call.caller, where), [mine / file for file in files])
    except BaseException:
        mine.rename(folder)  # to be completed again, or aborted
        raise
    shutil.rmtree(mine, ignore_errors=True)
    return {}


def _named(folder: Path, said: list[dict[str, Any]]) -> list[str]:
    """The files of the parts. Raises BadInput for one that is not there, or comes twice."""
    found: dict[int, str] = {}
    for one in said:
        number, etag = one.get("part_number"), str(one.get("etag") or "").strip('"')
        known = isinstance(number, int) and _ETAG.fullmatch(etag) is not None and (folder / f"{number}-{etag}").is_file()
        if not isinstance(number, int) or not known or number in found:
            raise BadInput(f"part {number!r} was not sent, or is said twice", "parts", "send it, then say its ETag")
        found[number] = f"{number}-{etag}"
    if not found or sorted(found) != list(range(1, len(found) + 1)):
        raise BadInput("the parts are not numbered from 1 without a gap", "parts", "send all of them")
    return [found[number] for number in sorted(found)]


def _together(file: Incoming, parts: list[Path]) -> None:
    try:
        file.write(b"")  # an empty file is one too
        for path in parts:
            with path.open("rb") as part:
                for piece in pieces(part):
                    file.write(piece)
        file.finish()
    finally:
        file.drop()


@parts.post("/mlflow-artifacts/mpu/abort/{path:path}")
def abort(path: str, call: Wire) -> dict[str, Any]:
    """Forget the parts. One that is not there any more is as good as aborted."""
    places.place(path)
    try:
        folder, where = _opened(call.caller, call.text("upload_id"))
    except NotFound:
        return {}
    places.may_write(call.caller, where)
    shutil.rmtree(folder, ignore_errors=True)
    return {}


@parts.get("/mlflow-artifacts/presigned/{path:path}")
def where_to_download(path: str, request: Request, caller: Caller) -> dict[str, Any]:
    """The address for a download by ranges, and the size."""
    where = places.file_place(path)
    places.may_see(caller, where)
    with caller.store.read() as db:
        _, size = places.file(db, caller.store.blobs, caller.workspace, where)
    said = quote(f"{where.root}/{where.path}")
    return {"url": address(request, caller, f"/artifacts/{said}"), "headers": _shown(request), "file_size": size}


def _folder(blobs: BlobStore, upload: str) -> Path:
    if not _UPLOAD.fullmatch(upload):
        raise _unknown(upload)
    return blobs.temporary / f"parts-{upload}"


def _opened(caller: CallerOf, upload: str) -> tuple[Path, Place]:
    """The folder of an upload of this workspace, and what it is of. Raises NotFound."""
    folder = _folder(caller.store.blobs, upload)
    try:
        said = json.loads((folder / "upload.json").read_text("utf-8"))
    except FileNotFoundError:
        raise _unknown(upload) from None
    if said["workspace"] != caller.workspace:
        raise _unknown(upload)
    return folder, Place(said["root"], said["path"])


def _unknown(upload: str) -> NotFound:
    return NotFound(f"there is no upload {upload:.40}", "upload_id", "create another one")

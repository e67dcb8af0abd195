"""A folder as a list of blobs: what the registry stores of a package, and what a serving node fetches.

A manifest is `{path: {digest, bytes}}`; its canonical JSON is a blob itself, whose digest names the package. Unpacking is atomic:
the folder appears whole, with every digest checked, or not at all.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from regie.base.blobs import BlobStore
from regie.base.canonical import canonical, file_digest, sha256
from regie.base.errors import BadInput

Manifest = dict[str, dict[str, Any]]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMED = re.compile(r"sha256-[0-9a-f]{64}")


class BadPackage(BadInput):
    """A package whose manifest or content is not what its digest promises; nothing of it was kept."""

    code = "package.broken"


def pack(folder: Path, blobs: BlobStore) -> str:
    """Store each file of a folder and its manifest; returns the manifest's digest. The same files give the same digest.

    Byte code that an interpreter left there when the package was opened is no part of it.
    """
    manifest: Manifest = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BadPackage(f"{path.name} is a link", str(folder), "a package holds plain files only")
        if path.is_file() and path.parent.name != "__pycache__":
            manifest[path.relative_to(folder).as_posix()] = {"digest": blobs.put_file(path), "bytes": path.stat().st_size}
    if not manifest:
        raise BadPackage("there is no file in it", str(folder), "write the package before it is stored")
    return blobs.put(canonical(manifest).encode())


def digest_of(manifest: Manifest) -> str:
    """The digest that names the package of this manifest."""
    return sha256(canonical(manifest).encode())


def intact(folder: Path) -> None:
    """A folder that is named by a digest, `sha256-...`, holds exactly what that digest names; any other folder is taken as it is.

    Raises BadPackage, with the digest that it has now. Reads every file: about a second for two gigabytes.
    """
    if not _NAMED.fullmatch(folder.name):
        return
    if folder.is_symlink() or any(path.is_symlink() for path in folder.rglob("*")):
        raise BadPackage("there is a link in it", str(folder), "a package holds plain files only")
    manifest: Manifest = {
        path.relative_to(folder).as_posix(): {"digest": file_digest(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    now = digest_of(manifest)
    if now != folder.name.replace("-", ":", 1):
        raise BadPackage(f"somebody changed it: its digest is {now} now", str(folder), "it is fetched again")


def unpack(manifest: Manifest, fetch: Callable[[str], bytes | Path], folder: Path) -> None:
    """Make the folder of a manifest; `fetch` gives the content of a digest, as bytes or as a file.

    Does nothing where the folder is there already. Raises BadPackage, and then nothing is left behind.
    """
    checked = [(_inside(path), _fact(path, fact)) for path, fact in manifest.items()]
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, (digest, size) in checked:
            _place(fetch(digest), temporary / path, digest, size)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster, with the same content
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _place(content: bytes | Path, target: Path, digest: str, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content)
    if target.stat().st_size != size or file_digest(target) != digest:
        raise BadPackage(f"the content of {target.name} has not the digest {digest}", do="fetch the package again")


def _inside(path: str) -> PurePosixPath:
    """A path that stays inside its folder on every system. Raises BadPackage."""
    pure = PurePosixPath(path)
    wrong = not path or "\\" in path or ":" in path or "\0" in path or pure.is_absolute() or str(pure) != path
    if wrong or any(part in (".", "..") for part in path.split("/")):
        raise BadPackage(f"the path {path!r} leads out of the package", do="this package is not to be trusted")
    return pure


def _fact(path: str, fact: Any) -> tuple[str, int]:
    digest, size = (fact.get("digest"), fact.get("bytes")) if isinstance(fact, dict) else (None, None)
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or not isinstance(size, int) or isinstance(size, bool):
        raise BadPackage(f"the manifest says nothing usable about {path}", do="write digest and bytes of each file")
    return digest, size

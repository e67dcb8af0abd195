"""A project's code as one deterministic zip: what travels with a run, and what its digest pins.

Every `.py` file and `regie.yaml`, by their path in the project; no hidden folder, environment, cache or data file, no link.
The same files give the same bytes on every machine. Light: the client packs, too.
"""

import io
import os
import stat
import tokenize
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from regie.base.errors import BadInput

LIMIT_BYTES = 20_000_000  # source text of a project; more is data or an environment that does not belong there
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "mlruns", "mlartifacts"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can hold


class BadProject(BadInput):
    """A project's code that cannot be packed or unpacked."""

    code, status, exit_code = "project.bad_code", 422, 2


def pack(folder: Path) -> bytes:
    """The project's code. Raises BadProject where it is too large or there is none."""
    paths = sorted(_paths(folder), key=lambda path: path.relative_to(folder).as_posix())
    if not paths:
        raise BadProject("there is no Python file in it", str(folder), "run it in the folder of regie.yaml")
    size_bytes = sum(path.stat().st_size for path in paths)
    if size_bytes > LIMIT_BYTES:
        largest = max(paths, key=lambda path: path.stat().st_size)
        what = f"its code has {size_bytes:,} bytes, more than {LIMIT_BYTES:,}; the largest file is {largest.relative_to(folder)}"
        raise BadProject(what, str(folder), "move data and environments out of the project, or into a hidden folder")
    return pack_files({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def pack_files(contents: dict[str, bytes]) -> bytes:
    """The zip of these files."""
    buffer = io.BytesIO()
    # Stored, not deflated: zlib's output differs between its versions, and the digest would, too.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(contents):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3
            archive.writestr(entry, contents[path])
    return buffer.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Write the files below a folder. Raises BadProject for a path that leads out of it."""
    for path, content in _contents(packed):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def files(packed: bytes) -> dict[str, str]:
    """Path to source of each Python file; what is not UTF-8 is kept readable, as Latin-1."""
    return {path: _text(content) for path, content in _contents(packed) if path.endswith(".py")}


def texts(packed: bytes) -> dict[str, str]:
    """Path to text of every file, `regie.yaml` too: what a person compares."""
    return {path: _text(content) for path, content in _contents(packed)}


def _contents(packed: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LIMIT_BYTES:
                raise BadProject(f"a project's code has more than {LIMIT_BYTES:,} bytes")
            for entry in archive.infolist():
                pure = PurePosixPath(entry.filename)
                if pure.is_absolute() or ".." in pure.parts or "\\" in entry.filename or ":" in entry.filename:
                    raise BadProject(f"the path {entry.filename!r} leads out of the project")
                if not entry.is_dir():
                    yield entry.filename, archive.read(entry)
    except zipfile.BadZipFile as error:
        raise BadProject(f"this is not a project's code: {error}", do="send what `pack` made") from error


def _paths(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _taken(Path(top) / name))
        for name in names:
            path = Path(top) / name
            wanted = (name.endswith(".py") and not name.startswith(".")) or (name == "regie.yaml" and Path(top) == folder)
            if wanted and path.is_file() and not path.is_symlink():
                yield path


def _taken(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name in SKIPPED or path.name.endswith(".egg-info")
    return not hidden and not path.is_symlink() and not (path / "pyvenv.cfg").exists()


def _text(content: bytes) -> str:
    """As Python reads it: a line `# coding: ...` is the one comment that changes what the code says."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError, SyntaxError):
        return content.decode("latin-1")

"""The lock: everything installed, as one digest. A changed lock re-runs every step.

Name and version of each distribution, the commit or path that it came from, Python's version and the platform. Editable installs, and
folders that a `.pth` file puts on the path, are project code: the content of their modules counts. What was installed from a folder
counts with the digests of its files, since it may be installed again under the same version. `PYTHONPATH` does not reach a task, so
it does not count. Not seen: files of an installed library that somebody edits in place.
"""

import ast
import json
import os
import platform
import re
import site
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from regie.base.canonical import digest, file_digest, sha256
from regie.base.clock import wall_ms

MODULES = (".py", ".so", ".pyd", ".dylib")  # what Python imports from a folder
# A file written twice within the clock's grain looks unchanged (git calls that "racily clean"), so a fresh one is read each time.
FRESH_MS = 2_000
_known: dict[str, tuple[tuple[int, ...], str]] = {}  # file to what the system says of it, and its digest
_seen: dict[tuple[tuple[str, int], ...], tuple[dict[str, str], tuple[Path, ...]]] = {}  # one look at the path, and what it found
_NAMED = re.compile(r"^(Name|Version):[ \t]*(.+?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """`installed`: name to version and origin; `editable`: folder to the digest of its code."""

    python: str
    platform: str
    installed: dict[str, str]
    editable: dict[str, str]

    @property
    def digest(self) -> str:
        return digest([self.python, self.platform, self.installed, self.editable])

    @property
    def parts(self) -> dict[str, str]:
        """Named, so that the one that differs can be shown."""
        return {
            "python": self.python, "platform": self.platform,
            **{f"library {name}": version for name, version in self.installed.items()},
            **{f"editable {folder}": code for folder, code in self.editable.items()},
        }  # fmt: skip


def current() -> Lock:
    """What this interpreter has installed, now. A few milliseconds: each run of a pipeline asks several times."""
    installed, edited = _installed()
    code = {str(place): code_digest(place) for place in sorted({*edited, *_on_path()})}
    return Lock(f"{platform.python_implementation()} {platform.python_version()}", f"{sys.platform} {platform.machine()}",
                installed, code)  # fmt: skip


def _installed() -> tuple[dict[str, str], tuple[Path, ...]]:
    """Distributions by name, and the places of the editable ones. Read again when a folder of the path changed, as installing does."""
    changed = {place: os.stat(place).st_mtime_ns for place in dict.fromkeys(sys.path) if os.path.isdir(place)}
    mark = tuple(changed.items())
    known = _seen.get(mark)
    if known is None:
        known = _read_installed()
        if wall_ms() - max(changed.values(), default=0) / 1e6 > FRESH_MS:
            _seen.clear()
            _seen[mark] = known
    return known


def _read_installed() -> tuple[dict[str, str], tuple[Path, ...]]:
    installed: dict[str, str] = {}
    edited: list[Path] = []
    for found in distributions():
        origin: dict[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
        editable = bool(origin.get("dir_info", {}).get("editable"))
        if editable:
            edited += _imported_from(found, Path(url2pathname(urlparse(origin["url"]).path)))
        name, version = _name_and_version(found)
        if name and name not in installed:  # the first on the path is the one that imports
            installed[name] = "editable" if editable else f"{version} {_origin(found, origin)}".strip()
    return dict(sorted(installed.items())), tuple(edited)


def code_digest(place: Path) -> str:
    """The digest of every module below a folder, hidden folders and caches left out; or of one file."""
    if place.is_file():
        return _file_digest(str(place)) or ""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for top, folders, names in os.walk(place, followlinks=True):  # a linked package is imported like any other
        real = os.path.realpath(top)
        folders[:] = [] if real in seen else sorted(name for name in folders if not _left_out(top, name))
        seen.add(real)
        for name in names:
            if name.endswith(MODULES) and (content := _file_digest(os.path.join(top, name))) is not None:
                found[os.path.join(top, name)[len(str(place)) + 1 :].replace(os.sep, "/")] = content
    return digest(found)


def _left_out(top: str, name: str) -> bool:
    return (
        name.startswith(".") or name in ("__pycache__", "node_modules") or os.path.exists(os.path.join(top, name, "pyvenv.cfg"))
    )


def _file_digest(path: str) -> str | None:
    """None for what is no file any more."""
    try:
        about = os.stat(path)
        mark = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
        known = _known.get(path)
        if known is not None and known[0] == mark:
            return known[1]
        if not stat.S_ISREG(about.st_mode):
            return None
        found = file_digest(Path(path))
    except FileNotFoundError:  # somebody edits it just now
        return None
    if wall_ms() - max(about.st_mtime_ns, about.st_ctime_ns) / 1e6 > FRESH_MS:
        _known[path] = (mark, found)
    return found


def _name_and_version(found: Distribution) -> tuple[str, str]:
    """From the head of its metadata: parsing all of it takes ten times as long."""
    text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    said = dict(reversed(_NAMED.findall(text.partition("\n\n")[0])))
    return said.get("Name", "").lower().replace("_", "-"), said.get("Version", "")


def _origin(found: Distribution, known: dict[str, Any]) -> str:
    """Where a distribution came from, if not from an index; from a folder of this machine: what its files are, too."""
    if not known:
        return ""
    here = str(known.get("url", "")).startswith("file:")
    files = sha256((found.read_text("RECORD") or "").encode()) if here else ""
    said = {"url": known.get("url"), "vcs": known.get("vcs_info"), "archive": known.get("archive_info")}
    return digest(said | ({"files": files} if files else {}))


def _imported_from(found: Distribution, folder: Path) -> list[Path]:
    """The places that an editable install imports from; all of its folder, where it does not say."""
    files = [Path(str(file.locate())) for file in found.files or []]
    for file in files:
        if file.suffix == ".py" and "__editable__" in file.name and file.is_file():
            places = [Path(place) for place in _mapping(file.read_text(errors="replace"))]
            # Of a module that is one file, setuptools names the path without its suffix.
            return [place if place.is_dir() else next(place.parent.glob(f"{place.stem}.*"), folder) for place in places] or [
                folder
            ]
    plain = [file for file in files if file.suffix == ".pth" and file.is_file() and list(_folders(file))]
    return [] if plain else [folder]  # a plain `.pth` is read with the others


def _mapping(source: str) -> list[str]:
    """What setuptools' finder imports from where: `MAPPING: dict[str, str] = {...}`. Empty where it cannot be told."""
    try:
        for node in ast.parse(source).body:
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Name)
                and node.target.id == "MAPPING"
                and node.value
            ):
                return [str(place) for place in ast.literal_eval(node.value).values()]
    except (SyntaxError, ValueError, AttributeError):
        return []
    return []


def _on_path() -> Iterator[Path]:
    for place in {*site.getsitepackages(), site.getusersitepackages()}:
        for file in sorted(Path(place).glob("*.pth")) if Path(place).is_dir() else ():
            yield from _folders(file)


def _folders(pth: Path) -> Iterator[Path]:
    for line in pth.read_text(errors="replace").splitlines():
        said = line.strip()
        if said and not said.startswith(("#", "import ", "import\t")):
            folder = pth.parent / said
            if folder.is_dir():
                yield folder.resolve()

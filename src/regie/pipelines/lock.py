"""The lock: everything installed, as one digest. A changed lock re-runs every step.

Name and version of each distribution, the commit or path that it came from, Python's version and the platform. Editable installs, and
folders that a `.pth` file puts on the path, are project code: the content of their Python files counts. `PYTHONPATH` does not reach a
task, so it does not count.
"""

import json
import os
import platform
import site
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from regie.base.canonical import digest, file_digest


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
    """What this interpreter has installed, now."""
    installed: dict[str, str] = {}
    folders: set[Path] = set(_on_path())
    for found in distributions():
        origin = found.read_text("direct_url.json")
        folder = _editable_folder(origin)
        if folder is not None:
            folders.add(folder)
        name = (found.name or "").lower().replace("_", "-")
        if name and name not in installed:  # the first on the path is the one that imports
            installed[name] = f"{found.version} {_origin(origin)}".strip() if folder is None else "editable"
    editable = {str(folder): code_digest(folder) for folder in sorted(folders)}
    return Lock(f"{platform.python_implementation()} {platform.python_version()}", f"{sys.platform} {platform.machine()}",
                dict(sorted(installed.items())), editable)  # fmt: skip


def code_digest(folder: Path) -> str:
    """The digest of every Python file below a folder, hidden folders and caches left out."""
    found: dict[str, str] = {}
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in ("__pycache__", "node_modules"))
        folders[:] = [name for name in folders if not (Path(top) / name / "pyvenv.cfg").exists()]
        for name in names:
            path = Path(top) / name
            if name.endswith(".py") and path.is_file():
                found[path.relative_to(folder).as_posix()] = file_digest(path)
    return digest(found)


def _origin(direct_url: str | None) -> str:
    """The commit or archive that a distribution was installed from, where it did not come from an index."""
    if not direct_url:
        return ""
    known = json.loads(direct_url)
    return digest({"url": known.get("url"), "vcs": known.get("vcs_info"), "archive": known.get("archive_info")})


def _editable_folder(direct_url: str | None) -> Path | None:
    known = json.loads(direct_url) if direct_url else {}
    if not known.get("dir_info", {}).get("editable"):
        return None
    folder = Path(url2pathname(urlparse(known["url"]).path))
    # Only what can be imported: tests and tools beside a `src` folder are no part of what runs.
    source = folder / "src"
    return source if source.is_dir() else folder


def _on_path() -> Iterator[Path]:
    for place in {*site.getsitepackages(), site.getusersitepackages()}:
        for file in sorted(Path(place).glob("*.pth")) if Path(place).is_dir() else ():
            for line in file.read_text(errors="replace").splitlines():
                folder = (Path(place) / line.strip()) if line.strip() and not line.startswith(("#", "import")) else None
                if folder is not None and folder.is_dir():
                    yield folder.resolve()

"""Settings: flag, then `REGIE_*`, then `regie.yaml`, then the user's file, then default; each value knows where it came from.

`regie.yaml` is looked for in the folder and those above it, and says the workspace only. The user's file is
`~/.config/regie/config.toml` (`XDG_CONFIG_HOME` counts). The token is taken from the environment or the user's file, never from a
flag, and is never shown. An empty variable says nothing.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from regie.base.errors import BadInput

FILE = "regie.yaml"
PORT, SERVE_PORT = 8700, 8701
NEVER_A_FLAG = frozenset({"token", "database"})  # a command line is seen by everybody on the machine
LOGIN = re.compile(r"(?<=://)[^/]*@")
WORKSPACE_LINE = re.compile(r"^workspace:\s*[\"']?([A-Za-z0-9_.-]+)[\"']?\s*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Setting:
    """One value, and where it came from: `--server`, `REGIE_SERVER`, a file, or `default`."""

    name: str
    value: str | None
    origin: str

    @property
    def shown(self) -> str:
        """The value for a screen: a token only says that it is set, a database's URL leaves out who asks."""
        if self.value is None:
            return "not set"
        return "set" if self.name == "token" else LOGIN.sub("...@", self.value)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, resolved for one folder."""

    all: dict[str, Setting]
    project: Path | None  # the folder of regie.yaml

    def value(self, name: str) -> str | None:
        return self.all[name].value

    @property
    def server(self) -> str:
        return (self.value("server") or "").rstrip("/")

    @property
    def serve(self) -> str:
        return (self.value("serve") or "").rstrip("/")

    @property
    def home(self) -> Path:
        return Path(self.value("home") or ".regie")

    @property
    def port(self) -> int:
        return _port(self.all["port"])

    @property
    def serve_port(self) -> int:
        return _port(self.all["serve_port"])

    @property
    def workspace(self) -> str | None:
        return self.value("workspace")

    @property
    def token(self) -> str | None:
        return self.value("token")


NAMES = (
    "home",
    "port",
    "serve_port",
    "server",
    "serve",
    "workspace",
    "token",
    "database",
)  # a later default may need an earlier one


def resolve(
    flags: Mapping[str, Any] | None = None, folder: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Settings as seen from a folder. Raises BadInput for a user's file or a port that cannot be read."""
    flags, environ = flags or {}, os.environ if environ is None else environ
    project = project_folder(folder or Path.cwd())
    file = user_file(environ)
    from_file = _user_settings(file)
    found: dict[str, Setting] = {}
    for name in NAMES:
        found[name] = (
            _from_flag(name, flags)
            or _from_environment(name, environ)
            or _from_project(name, project)
            or (Setting(name, from_file[name], str(file)) if name in from_file else None)
            or _default(name, found, project)
        )
    return Settings(found, project)


def project_folder(folder: Path) -> Path | None:
    """The nearest folder upwards that holds a `regie.yaml`."""
    here = folder.resolve()
    return next((one for one in (here, *here.parents) if (one / FILE).is_file()), None)


def user_file(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if base else Path(environ.get("HOME") or Path.home()) / ".config") / "regie" / "config.toml"


def _from_flag(name: str, flags: Mapping[str, Any]) -> Setting | None:
    value = flags.get(name)
    return None if value is None or name in NEVER_A_FLAG else Setting(name, str(value), "--" + name.replace("_", "-"))


def _from_environment(name: str, environ: Mapping[str, str]) -> Setting | None:
    variable = "REGIE_" + name.upper()
    return Setting(name, environ[variable], variable) if environ.get(variable) else None


def _from_project(name: str, project: Path | None) -> Setting | None:
    if name != "workspace" or project is None:
        return None
    # The word alone, not the whole grammar: reading a workspace's state must work while its file is being edited.
    match = WORKSPACE_LINE.search((project / FILE).read_text("utf-8-sig", errors="replace"))
    return Setting(name, match[1], str(project / FILE)) if match else None


def _user_settings(file: Path) -> dict[str, str]:
    try:
        said = tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as wrong:
        raise BadInput(f"cannot be read: {wrong}", str(file), "correct it, or move it away") from wrong
    for name, value in said.items():
        if name not in NAMES:
            near = get_close_matches(name, NAMES, 1)
            raise BadInput(
                f"there is no setting {name!r}", str(file), f"write {near[0]}" if near else f"one of {', '.join(NAMES)}"
            )
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise BadInput(f"{name} is {value!r}", str(file), "write a text or a number")
    return {name: str(value) for name, value in said.items()}


def _default(name: str, found: Mapping[str, Setting], project: Path | None) -> Setting:
    if name == "home":
        return Setting(name, str(project / ".regie") if project else ".regie", "default")
    home = Path(found["home"].value or "")
    if name in ("server", "serve"):
        port = _port(found["port" if name == "server" else "serve_port"])
        return _running(name, home) or Setting(name, f"http://127.0.0.1:{port}", "default")
    if name == "database":
        return Setting(name, f"sqlite:///{home.resolve() / 'regie.db'}", "default")
    return Setting(name, {"port": str(PORT), "serve_port": str(SERVE_PORT)}.get(name), "default")


def _running(name: str, home: Path) -> Setting | None:
    """Where `regie up` of this home runs: whoever started it on another port need not say so again."""
    try:
        said = json.loads((home / "up.json").read_text("utf-8"))
        return Setting(name, str(said[name]), str(home / "up.json"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _port(setting: Setting) -> int:
    text = setting.value or ""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise BadInput(f"{text!r} is not a port", setting.origin, "write a number from 1 to 65535")
    return int(text)

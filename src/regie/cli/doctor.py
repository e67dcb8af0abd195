"""`regie doctor`: what is installed, where each setting came from, what answers. Exit code 1 if something will not work."""

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from regie.base.errors import RegieError
from regie.base.settings import Settings, resolve
from regie.base.version import VERSION
from regie.cli import options, show

EXTRAS = {
    "server": ("fastapi", "uvicorn", "sqlalchemy", "alembic", "psycopg", "pyarrow", "cronsim", "numpy"),
    "serve": ("uvicorn", "uvloop", "httptools", "numpy"),
    "sklearn": ("sklearn", "pandas"),
    "lightgbm": ("lightgbm", "sklearn"),
}
BASE = ("click", "rich", "pydantic", "ruamel.yaml", "httpx2")
LITTLE_BYTES = 1_000_000_000  # a model, its packages and a day's log fit into that


@click.command()
@click.option("--server", metavar="URL", help="The server's address.  [REGIE_SERVER]")
@click.option("--invariants", is_flag=True, help="Check instead what must hold of the home, without its server.")
@options.JSON
def doctor(server: str | None, invariants: bool, as_json: bool) -> int:
    """Show versions, settings with their origin, and what answers."""
    settings = resolve({"server": server})
    if invariants:
        return _invariants(settings, as_json)
    found = {
        "regie": VERSION, "python": platform.python_version(), "executable": sys.executable,
        "platform": platform.platform(), "libraries": {name: version(name) for name in BASE},
        "extras": {extra: missing(names) for extra, names in EXTRAS.items()},
        "settings": [{"name": one.name, "value": one.shown, "origin": one.origin} for one in settings.all.values()],
        "project": str(settings.project) if settings.project else None, "disk": disk(settings.home),
        "server": _server(settings.server), "serve": _serve(settings.serve),
    }  # fmt: skip
    wrong = problems(found)
    if as_json:
        show.data({**found, "problems": wrong})
    else:
        _say(found)
    for problem in wrong:
        show.note(f"problem: {problem}")
    return 1 if wrong else 0


def _invariants(settings: Settings, as_json: bool) -> int:
    from regie.cli.offline import look_at_invariants  # a database's libraries are an extra of the client

    found = look_at_invariants(settings.value("database") or "", settings.home)
    state: show.Column = ("state", lambda row: "ok" if row["ok"] else "broken")
    show.rows(found, (("invariant", "invariant"), state), as_json)
    for one in found:
        for what in one["broken"]:
            show.note(f"{one['invariant']}: {what}")
    return 0 if all(one["ok"] for one in found) else 1


def problems(found: dict[str, Any]) -> list[str]:
    """What keeps Regie from working here. A server that does not run is a fact, not a problem."""
    wrong = [f"{name} is missing; pip install --force-reinstall regie" for name, one in found["libraries"].items() if one is None]
    if found["disk"]["free_bytes"] < LITTLE_BYTES:
        wrong.append(f"only {found['disk']['free_bytes'] / 1e9:.1f} GB are free at {found['disk']['path']}")
    server = found["server"]
    if server.get("answers") and server.get("version") != found["regie"]:
        wrong.append(f"the server has version {server.get('version')}, this is {found['regie']}")
    return wrong


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing(names: tuple[str, ...]) -> list[str]:
    """Which modules of an extra are not installed; empty where it is complete."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def disk(home: Path) -> dict[str, Any]:
    """The room where the home is, or will be."""
    there = next(one for one in (home.resolve(), *home.resolve().parents) if one.exists())
    used = shutil.disk_usage(there)
    return {"path": str(there), "free_bytes": used.free, "total_bytes": used.total}


def _server(address: str) -> dict[str, Any]:
    try:
        with options.client(address, None) as client:
            return {"address": address, "answers": True, **client.info()}
    except RegieError as error:
        return {"address": address, "answers": False, "what": error.what}


def _serve(address: str) -> dict[str, Any]:
    with options.client(address, None) as client:
        return {"address": address, "answers": client.health()}


def _say(found: dict[str, Any]) -> None:
    server, disk_ = found["server"], found["disk"]
    free = f"{disk_['free_bytes'] / 1e9:.1f} of {disk_['total_bytes'] / 1e9:.1f} GB free at {disk_['path']}"
    facts = [(name, found[name]) for name in ("regie", "python", "executable", "platform", "project")]
    facts += [(name, version or "missing") for name, version in found["libraries"].items()]
    facts += [
        (f"regie[{extra}]", "complete" if not lacking else f"lacks {', '.join(lacking)}")
        for extra, lacking in found["extras"].items()
    ]
    facts += [("disk", free), ("server", _answer(server)), ("serve", _answer(found["serve"]))]
    show.facts(facts)
    show.text()
    show.rows(found["settings"], (("setting", "name"), ("value", "value"), ("from", "origin")), False)


def _answer(one: dict[str, Any]) -> str:
    if not one["answers"]:
        return f"{one['address']} does not answer"
    details = ", ".join(f"{name} {one[name]}" for name in ("version", "clock", "database", "home") if name in one)
    return f"{one['address']} answers" + (f": {details}" if details else "")

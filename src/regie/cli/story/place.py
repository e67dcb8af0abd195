"""The demo's own folder: new each time. A finished earlier demo makes way; anything else there is left alone."""

import json
import os
import shutil
from importlib.resources import files
from pathlib import Path

from regie.base.errors import Conflict, NotFound
from regie.base.processes import is_alive, started

MARK = "demo.json"
EXAMPLE = "flights"
IN_THE_PROJECT = ("regie.yaml", "flow.py", "flights.py")


def prepare(home: Path) -> Path:
    """Make the home and copy the example into it; returns the project's folder. Raises Conflict, NotFound."""
    if home.exists() and any(home.iterdir()):
        _clear(home)
    project = home / "project"
    project.mkdir(parents=True)
    mark(home, os.getpid(), "", "")
    source = example()
    for name in IN_THE_PROJECT:
        shutil.copyfile(source / name, project / name)
    return project


def mark(home: Path, pid: int, address: str, serve_address: str) -> None:
    """Remember that the folder is a demo's, and which process and addresses it has."""
    known = {"pid": pid, "started": started(pid), "address": address, "serve_address": serve_address}
    (home / MARK).write_text(json.dumps(known))


def example() -> Path:
    """The example: shipped in the wheel, or in `examples/` of the repository. Raises NotFound."""
    shipped = Path(str(files("regie.cli.story"))) / EXAMPLE
    beside = Path(__file__).parents[4] / "examples" / EXAMPLE
    for folder in (shipped, beside):
        if (folder / "regie.yaml").is_file():
            return folder
    raise NotFound("the example `flights` is not installed", str(shipped), "install regie again")


def _clear(home: Path) -> None:
    try:
        known = json.loads((home / MARK).read_text())
    except (OSError, ValueError):
        raise Conflict(
            "the folder is not empty and holds no demo", str(home), "choose another one: regie demo --home DIR"
        ) from None
    if is_alive(known["pid"], known["started"]):
        address = known["address"] or "its start"
        raise Conflict(f"a demo runs here ({address}, process {known['pid']})", str(home), f"end it first: kill {known['pid']}")
    shutil.rmtree(home)

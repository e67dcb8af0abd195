"""`regie init NAME`: a project that runs: promises, code, a little data up to now, a test, a page to read.

The data is generated, the same rows each time but for their dates, which end today, so that training works on the wall clock now.
"""

import math
import random
import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from regie.base.clock import DAY_MS, HOUR_MS, iso, wall_ms
from regie.base.errors import BadInput, Conflict
from regie.base.files import write_atomically
from regie.cli import show

DAYS, PER_DAY, SEED = 150, 24, 11
TEMPLATES = {
    "regie.yaml": "regie.yaml.txt", "flow.py": "flow.py.txt", "test_flow.py": "test_flow.py.txt", "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
}  # fmt: skip
DATA = "data/deliveries.csv"
ALLOWED = {".git"}  # what an empty folder may hold


@click.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say which files would be written; write none.")
def init(name: str, dry_run: bool) -> None:
    """Make a project that runs, in the new folder NAME."""
    folder = Path(name)
    word = workspace_name(folder)
    if folder.exists() and (not folder.is_dir() or {one.name for one in folder.iterdir()} - ALLOWED):
        raise Conflict("the folder is not empty", str(folder), "choose a new name; nothing was written")
    made = {path: template(source, word) for path, source in TEMPLATES.items()} | {DATA: deliveries(wall_ms())}
    for path, content in made.items():
        if not dry_run:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / path, content)
        show.text(str(folder / path))
    if not dry_run:
        show.note(f"undo: remove the folder {folder}\nnext: cd {folder} && regie up, then in another terminal: regie check")


def workspace_name(folder: Path) -> str:
    """The folder's name as a workspace's: small letters, digits and `-`. Raises BadInput."""
    word = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    if not word[:1].isalpha() or word in ("true", "false", "null"):
        raise BadInput(f"{folder.name!r} gives no name of a workspace", "NAME", "begin it with a letter, for example: churn")
    return word


def template(source: str, word: str) -> str:
    return Template((files("regie.cli") / "templates" / source).read_text("utf-8")).substitute(name=word)


def deliveries(now_ms: int) -> str:
    """A CSV of orders of the last months, one an hour; a logistic of way, load, rush hour and express decides who is late."""
    chance = random.Random(SEED)
    first_ms = now_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
    lines = ["order_id,ordered_at,distance_km,parcels,weekday,hour,express,late"]
    for number in range(DAYS * PER_DAY):
        at_ms = first_ms + number * (DAY_MS // PER_DAY) + chance.randrange(HOUR_MS // 1000) * 1000
        hour, weekday = at_ms // HOUR_MS % 24, (at_ms // DAY_MS + 3) % 7  # 1970 began on a Thursday
        way, parcels, express = round(chance.uniform(0.5, 45), 1), chance.randint(1, 12), chance.random() < 0.3
        score = 0.09 * (way - 22) + 0.12 * (parcels - 6) + (0.8 if 16 <= hour <= 19 else 0) - (1.2 if express else 0)
        late = chance.random() < 1 / (1 + math.exp(-score))
        if at_ms <= now_ms:
            lines.append(f"o{number:05},{iso(at_ms)},{way},{parcels},{weekday},{hour},{str(express).lower()},{str(late).lower()}")
    return "\n".join(lines) + "\n"

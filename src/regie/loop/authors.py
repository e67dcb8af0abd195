"""Who made a version: the people who may not approve it.

An author started its run, registered it, applied the code that it was trained from or the `regie.yaml` that was in force when its
run was queued; and whoever is an author of another version with the same package is one of this version too, so that copying a
version gives it no other authors. Actors' names are what the door saw, never what a client said of itself.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from regie.pipelines.tables import pipeline_runs, tasks
from regie.registry import queries as registry
from regie.registry.tables import model_versions
from regie.registry.types import Version
from regie.store.tables import events, specs

TASK, SYSTEM = "task:", "system:"
Deed = Literal["run.started", "version.registered", "code.applied", "spec.applied"]
WORDS: Mapping[Deed, str] = {
    "run.started": "started its run",
    "version.registered": "registered it",
    "code.applied": "applied the code that it was trained from",
    "spec.applied": "applied the regie.yaml that it was trained under",
}


@dataclass(frozen=True)
class Authorship:
    """What makes an author of somebody. `of`: the other version of the same package with which they did it; empty for this one."""

    deed: Deed
    of: str = ""

    def __str__(self) -> str:
        return WORDS[self.deed] + (f" ({self.of} has the same package)" if self.of else "")


def authors(db: Connection, workspace: str, model: str, number: int) -> dict[str, Authorship]:
    """Each author's name, and the first thing that makes an author of them. Raises NotFound."""
    version = registry.version(db, workspace, model, number)
    found: dict[str, Authorship] = {}
    for one in [version, *_copies(db, version)]:
        of = "" if one.subject == version.subject else one.subject
        for name, deed in _of_one(db, one):
            if name and not name.startswith((TASK, SYSTEM)):
                found.setdefault(name, Authorship(deed, of))
    return found


def _of_one(db: Connection, version: Version) -> Iterator[tuple[str, Deed]]:
    run_id = version.run_id
    if version.user.startswith(TASK):
        run_id = run_id or _run_of_task(db, version.user.removeprefix(TASK))
    run = db.execute(select(pipeline_runs).where(pipeline_runs.c.run_id == run_id)).first() if run_id else None
    if run is not None:
        yield run.by, "run.started"
    yield version.user, "version.registered"
    if run is not None:
        for name in _appliers(db, version.workspace, run.code_digest):
            yield name, "code.applied"
        yield _in_force(db, version.workspace, run.created_ms), "spec.applied"


def _copies(db: Connection, version: Version) -> list[Version]:
    """Other versions of the same files, under whatever name."""
    if not version.package:
        return []
    same = (model_versions.c.workspace == version.workspace, model_versions.c.package == version.package)
    rows = db.execute(select(model_versions).where(*same).order_by(model_versions.c.name, model_versions.c.version))
    return [one for row in rows if (one := Version(**row._mapping)).subject != version.subject]


def _run_of_task(db: Connection, task_id: str) -> str:
    return db.execute(select(tasks.c.run_id).where(tasks.c.id == task_id)).scalar() or ""


def _appliers(db: Connection, workspace: str, code_digest: str) -> list[str]:
    """Everybody who ever applied a file with this code; the row of a file remembers only the last one."""
    applied = (events.c.workspace == workspace, events.c.type == "spec.applied", events.c.data.contains(code_digest))
    said = [json.loads(data).get("by", "") for data in db.execute(select(events.c.data).where(*applied)).scalars()]
    same = (specs.c.workspace == workspace, specs.c.code_digest == code_digest)
    return [*said, *db.execute(select(specs.c.applied_by).where(*same)).scalars()]


def _in_force(db: Connection, workspace: str, at_ms: int) -> str:
    """Who applied the file that was in force at a time."""
    before = (events.c.workspace == workspace, events.c.type == "spec.applied", events.c.time_ms <= at_ms)
    data = db.execute(select(events.c.data).where(*before).order_by(events.c.seq.desc()).limit(1)).scalar()
    return str(json.loads(data).get("by", "")) if data else ""

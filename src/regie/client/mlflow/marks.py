"""The marks on what was moved, from which an import or export knows what it has done: it keeps no file of its own.

Each copy is made together with the id of the thing where it first was, and gets its mark of completion as the last write. So
a killed one goes on where it was, from any machine, and a thing that comes back home is known there. The mark names the copy's
own id: tags that somebody copies to another run prove nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from regie.base.canonical import sha256
from regie.client.mlflow import rewrite
from regie.client.mlflow.things import Experiment, LoggedModel, Run, Said, Version

PREFIX = "transfer."
SOURCE, RUN, MODEL, VERSION = "transfer.source", "transfer.source_run_id", "transfer.source_model_id", "transfer.source_version"
EXPERIMENT = "transfer.source_experiment"
COMPLETE, LEASE = "transfer.complete", "transfer.lease"
REGIE, JUDGED = "regie.", "judged."  # begin the tags and the metrics that Regie writes itself, and takes from nobody
DIGEST = 16


@dataclass(frozen=True)
class Mark:
    """Whose copy it is, of what content, and whether its files came too."""

    own: str = ""
    digest: str = ""
    files: bool = False

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> "Mark":
        own, digest, files = (*tags.get(COMPLETE, "").split(), "", "", "")[:3]
        return cls(own, digest, files == "files")

    def __str__(self) -> str:
        return f"{self.own} {self.digest} {'files' if self.files else 'bare'}"

    def says(self, digest: str, files: bool) -> bool:
        """Whether nothing is to be done: the same content came, with its files if they are wanted."""
        return self.digest == digest and (self.files or not files)


def home(own: str, tags: Mapping[str, str], key: str) -> str:
    """The id of a thing where it first was: its own, unless it is itself a whole copy."""
    return tags.get(key, own) if Mark.of(tags).own == own else own


def is_copy(own: str, tags: Mapping[str, str], key: str) -> bool:
    """A whole copy, or the beginning of one; not a thing to which its tags were copied."""
    return key in tags and Mark.of(tags).own in ("", own)


def named(thing: Version | Experiment) -> str:
    """What a version or an experiment is called in tags: numbers are used on every server, the moment tells them apart."""
    return f"{thing.subject if isinstance(thing, Version) else thing.id} {thing.created_ms}"


def own(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a thing without the marks."""
    return {key: value for key, value in tags.items() if not key.startswith(PREFIX)}


def digest(thing: Run | LoggedModel | Version) -> str:
    """What a thing says, in 16 digits: another one means that it has changed. Ids are left out, since each server has its own."""
    said = asdict(thing)
    for name in ("id", "experiment_id", "run_id", "artifact_uri", "name", "number", "source", "created_ms"):
        said.pop(name, None)
    said["tags"] = {key: value for key, value in own(thing.tags).items() if key not in rewrite.TAGS | rewrite.BY_SERVER}
    if isinstance(thing, Run):
        said |= {
            "name": thing.name,
            "inputs": _sorted(thing.inputs),
            "reads": len(thing.reads),
            "wrote": sorted(map(str, thing.wrote.values())),
        }
    if isinstance(thing, LoggedModel):
        said["metrics"] = _sorted({**one, "run_id": "", "model_id": ""} for one in thing.metrics)
    return sha256(json.dumps(said, sort_keys=True).encode()).removeprefix("sha256:")[:DIGEST]


def _sorted(said: Iterable[Said]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in said)

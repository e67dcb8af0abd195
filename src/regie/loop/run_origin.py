"""Where a run came from: its code, its environment, its data, as far as they are known.

A pipeline's run, and each of its tasks, knows the code and the lock that it ran on. Of a run that MLflow's client logged, the client's
tags name a commit, and the requirements of a model that it logged name libraries; nothing else is guessed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection

from regie.base.blobs import BlobStore
from regie.base.errors import NotFound
from regie.pipelines import queries as pipelines
from regie.tracking import artifacts, related
from regie.tracking.types import PARENT, Run

REQUIREMENTS = ("requirements.txt", "model/requirements.txt")  # of a logged model's folder, or of one among a run's own files
LARGEST_BYTES, MOST_PACKAGES = 1 << 20, 2_000
_PINNED = re.compile(r"\s*([A-Za-z0-9][\w.\-]*)(?:\[[^\]]*\])?\s*(?:==\s*)?([^;#]*)")


@dataclass(frozen=True)
class Origin:
    """`code`: digest of the project's code, where it is kept here. `packages`: library to version, said by a lock or by a model."""

    name: str = ""
    kind: str = ""
    commit: str = ""
    branch: str = ""
    repository: str = ""
    code: str = ""
    lock: str = ""
    steps: bool = False
    packages: Mapping[str, str] = field(default_factory=dict)
    packages_of: Literal["lock", "model", ""] = ""
    snapshots: Mapping[str, str] = field(default_factory=dict)


def of(db: Connection, blobs: BlobStore, run: Run, tags: Mapping[str, str]) -> Origin:
    """The origin of one run."""
    made = _pipeline_run(db, run, tags)
    if made is None:
        packages = _required(db, blobs, run)
        return Origin(
            tags.get("mlflow.source.name", ""), tags.get("mlflow.source.type", ""), tags.get("mlflow.source.git.commit", ""),
            tags.get("mlflow.source.git.branch", ""), tags.get("mlflow.source.git.repoURL", ""), packages=packages,
            packages_of="model" if packages else "",
        )  # fmt: skip
    git: dict[str, Any] = made["git"] or {}
    code, lock = str(made["code_digest"]), str(made["lock_digest"])
    packages = _locked(blobs, lock)
    return Origin(
        str(made["function"]), "PIPELINE", str(git.get("commit") or ""), str(git.get("branch") or ""), str(git.get("remote") or ""),
        code if blobs.has(code) else "", lock, run.kind == "pipeline", packages, "lock" if packages else "", made["snapshots"] or {},
    )  # fmt: skip


def _pipeline_run(db: Connection, run: Run, tags: Mapping[str, str]) -> dict[str, Any] | None:
    owner = {"pipeline": run.id, "task": tags.get(PARENT, "")}.get(run.kind)
    try:
        return pipelines.run(db, owner, run.workspace) if owner else None
    except NotFound:
        return None


def _locked(blobs: BlobStore, digest: str) -> dict[str, str]:
    """The parts of a lock: `python`, `platform`, each library, each folder of editable code."""
    try:
        said: dict[str, str] = json.loads(blobs.get(digest)) if digest else {}
    except NotFound:
        return {}
    return {name.removeprefix("library "): str(value) for name, value in said.items()}


def _required(db: Connection, blobs: BlobStore, run: Run) -> dict[str, str]:
    """What the first logged model of a run asks for."""
    roots = [f"models/{one}" for one in related.models_of(db, run.workspace, [run.id]).get(run.id, [])[-1:]]
    for root in (*roots, run.root):
        for path in REQUIREMENTS:
            found = artifacts.one(db, run.workspace, root, path)
            if found is not None and found[1] <= LARGEST_BYTES and blobs.has(found[0]):
                return requirements(blobs.get(found[0]).decode("utf-8", "replace"))
    return {}


def requirements(text: str) -> dict[str, str]:
    """Library to what is asked of its version, of the lines of a `requirements.txt`.

    >>> requirements("scikit-learn==1.7.2\\n# a comment\\npandas>=2,<4\\n-r others.txt")
    {'scikit-learn': '1.7.2', 'pandas': '>=2,<4'}
    """
    found = (_PINNED.match(line) for line in text.splitlines() if not line.lstrip().startswith(("-", "#")))
    named = ((one[1].lower().replace("_", "-"), one[2].strip()) for one in found if one is not None)
    return dict(islice(named, MOST_PACKAGES))

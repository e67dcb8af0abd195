"""Every column that names blobs, literally: what `regie gc` must not remove.

A new column whose values may hold a digest stands here or in `ELSEWHERE`: a test fails for one that stands in neither. A text is read
for whatever looks like a digest: to keep too much costs space, to keep too little costs a model.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import Column, Connection, select

from regie.base.blobs import PIECE_BYTES, BlobStore
from regie.base.errors import NotFound
from regie.data.tables import snapshots
from regie.gates.tables import approvals, evidence
from regie.pipelines.tables import cache_entries, pipeline_runs, tasks
from regie.registry.tables import model_tags, model_versions, version_tags
from regie.rollout.tables import rollouts, routes
from regie.store.tables import jobs, nodes, specs
from regie.tracking.tables import artifacts

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WRITTEN = re.compile(DIGEST.pattern.encode())
DIGEST_BYTES = 71
MANIFEST_BYTES = 32 << 20
PIECE = 500


@dataclass(frozen=True)
class Names:
    """A column, and whether what it names may be a manifest, whose files are then named too."""

    column: Column[str]
    manifest: bool = False


# Asked by its index, once for each blob that is looked at; the others are few, and read as a whole.
FILES = artifacts.c.digest
NAMES: tuple[Names, ...] = (
    Names(snapshots.c.digest),
    Names(specs.c.code_digest),
    Names(pipeline_runs.c.code_digest),
    Names(pipeline_runs.c.lock_digest),
    Names(pipeline_runs.c.graph),
    Names(pipeline_runs.c.snapshots),
    Names(pipeline_runs.c.result, manifest=True),
    Names(tasks.c.inputs, manifest=True),
    Names(tasks.c.output, manifest=True),
    Names(tasks.c.parts),
    Names(cache_entries.c.output, manifest=True),
    Names(cache_entries.c.parts),
    Names(model_versions.c.package, manifest=True),
    Names(model_versions.c.source, manifest=True),
    Names(model_tags.c.value, manifest=True),
    Names(version_tags.c.value, manifest=True),
    Names(evidence.c.holdout),
    Names(evidence.c.detail),
    Names(approvals.c.package, manifest=True),
    Names(rollouts.c.spec, manifest=True),
    Names(routes.c.variants, manifest=True),
    Names(nodes.c.variants, manifest=True),
    Names(jobs.c.args, manifest=True),
    Names(jobs.c.result, manifest=True),
)
# Columns with digests or texts that name no blob, or nothing that must stay; `TABLE.*`: none of the table's does.
ELSEWHERE: dict[str, str] = {
    "audit_records.*": "a record tells what was; what it tells of need not stay",
    "events.*": "an event tells what was; what it tells of need not stay",
    "jobs.error": "words", "nodes.generations": "numbers", "nodes.failed": "numbers",
    "tokens.*": "hashes of tokens; a task's scope names what its task's row names",
    "sessions.*": "hashes of sessions", "session_uses.*": "hashes of sessions", "session_codes.*": "hashes of codes",
    "verifications.*": "what was found",
    "workspaces.spec_digest": "a row of specs", "approvals.spec_digest": "a row of specs",
    "specs.digest": "a row of specs", "specs.document": "promises of people", "specs.root": "a folder", "specs.git": "a commit",
    "approvals.promises": "the digest of a text that is compared, not kept",
    "approvals.reason": "words", "approvals.cause": "events", "breaches.cause": "events", "champions.cause": "events",
    "qualifications.cause": "events", "reactions.cause": "events", "reactions.because": "words", "rollouts.cause": "events",
    "snapshots.cause": "events", "snapshots.contract": "what was checked",
    "snapshots.columns": "figures", "model_versions.cause": "events",
    "model_versions.description": "words", "model_versions.run_link": "an address", "registered_models.description": "words",
    "signals.detail": "figures",
    "pipeline_runs.params": "values", "pipeline_runs.reason": "words", "pipeline_runs.git": "a commit",
    "pipeline_runs.error": "words", "pipeline_runs.cause": "events", "pipeline_runs.fresh": "names of tasks",
    "task_logs.*": "what a task prints",
    "tasks.cache_key": "the digest of its parts", "tasks.error": "words", "cache_entries.key": "the digest of its parts",
    "experiment_tags.*": "words of clients", "params.*": "words of clients", "run_tags.*": "words of clients",
    "run_inputs.*": "MLflow's datasets: digests of the client's own, of data that lies elsewhere",
    "logged_model_params.*": "words of clients", "logged_model_tags.*": "words of clients",
    "logged_model_metrics.*": "digests of the client's datasets",
    "traces.*": "words of clients", "trace_tags.*": "words of clients", "trace_metadata.*": "words of clients",
    "spans.*": "words of clients", "assessments.*": "words of people and clients",
    "collections.*": "what was removed",
}  # fmt: skip


def named(db: Connection, blobs: BlobStore) -> set[str]:
    """Every digest that a row names but for files of runs, models and traces; also those that stand in manifests."""
    found: set[str] = set()
    manifests: set[str] = set()
    for one in NAMES:
        for text in db.execute(select(one.column).distinct()).scalars():
            digests = DIGEST.findall(text or "")
            found.update(digests)
            manifests.update(digests if one.manifest else ())
    for digest in manifests:
        found.update(_inside(blobs, digest))
    return found


def _inside(blobs: BlobStore, digest: str) -> Iterator[str]:
    """The digests in a manifest; nothing for a blob that is none."""
    try:
        with blobs.open(digest) as file:
            if file.read(1) != b"{":
                return
            text = b"{" + file.read(MANIFEST_BYTES)
            if more := file.read(PIECE_BYTES):
                yield from _written(text, more, file)
                return
        said = json.loads(text)
    except (NotFound, ValueError):
        return
    for fact in said.values():
        if isinstance(fact, dict) and DIGEST.fullmatch(str(fact.get("digest"))):
            yield fact["digest"]


def _written(text: bytes, more: bytes, file: BinaryIO) -> Iterator[str]:
    """Whatever looks like a digest in a blob that is too large to be read as JSON: that of a package of 200,000 files is."""
    while text:
        yield from (one.decode() for one in _WRITTEN.findall(text))
        text, more = (text[-DIGEST_BYTES:] + more, file.read(PIECE_BYTES)) if more else (b"", b"")


def files_that_name(db: Connection, digests: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(digest, workspace, root) of the artifacts that name some of the blobs."""
    wanted = list(digests)
    for start in range(0, len(wanted), PIECE):
        here = FILES.in_(wanted[start : start + PIECE])
        for row in db.execute(select(FILES, artifacts.c.workspace, artifacts.c.root).where(here).distinct()):
            yield row.digest, row.workspace, row.root

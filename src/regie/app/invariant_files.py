"""The invariants of what lies in a home's folder: blobs, ingested predictions, and the log of a node that lives in it.

Each check yields in words what breaks it. Without a folder there is nothing to check.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from regie.app.invariant_look import Look
from regie.base.blobs import BlobStore
from regie.base.canonical import file_digest
from regie.base.clock import DAY_MS, day, parse_iso
from regie.data.tables import snapshots
from regie.pipelines.tables import pipeline_runs, tasks
from regie.predictions import ids, lake, segments
from regie.registry.tables import model_versions
from regie.store import tables as store
from regie.tracking.tables import artifacts

STRETCH = re.compile(r"(?P<node>[0-9a-f]{32})-(?P<segment>[0-9]{12})-(?P<offset>[0-9]{12})(?:-[0-9]+)?")
PREDICTIONS, NODE_FILE, LOG = "predictions", "serve/node.json", "serve/log"


def blobs_true(look: Look) -> Iterator[str]:
    """The content of every blob has the digest that is its name."""
    if look.folder is None:
        return
    for path in sorted((look.folder / "blobs").glob("[0-9a-f][0-9a-f]/*")):
        if file_digest(path) != f"sha256:{path.parent.name}{path.name}":
            yield f"the content of blob {path.parent.name}{path.name} is another one"


def blobs_there(look: Look) -> Iterator[str]:
    """Every blob that a snapshot, an artifact, a task's output, a version or an applied file names is there."""
    if look.folder is None:
        return
    blobs = BlobStore(look.folder / "blobs")
    for digest, what in _named(look, blobs):
        if not blobs.has(digest):
            yield f"blob {digest} of {what} is missing"


def _named(look: Look, blobs: BlobStore) -> Iterator[tuple[str, str]]:
    for row in look.rows(snapshots):
        yield row.digest, f"snapshot {row.dataset}"
    for row in look.rows(artifacts):
        yield row.digest, f"artifact {row.root}/{row.path}"
    for row in [*look.rows(store.specs), *look.rows(pipeline_runs)]:
        yield row.code_digest, "a project's code"
    for row in look.rows(pipeline_runs):
        if row.graph:
            yield row.graph, f"the graph of run {row.run_id}"
    for row in look.rows(model_versions):
        if row.package:
            yield from _package(blobs, row.package, f"{row.name}@{row.version}")
    for row in look.rows(tasks):
        output = json.loads(row.output) if row.output else {}
        for name in ("digest", "estimator"):
            if output.get(name):
                yield output[name], f"task {row.id}"


def _package(blobs: BlobStore, digest: str, what: str) -> Iterator[tuple[str, str]]:
    yield digest, what
    if blobs.has(digest):
        for path, fact in json.loads(blobs.get(digest)).items():
            yield fact["digest"], f"{path} of {what}"


def predictions_once(look: Look) -> Iterator[str]:
    """A prediction of a variant is read once, has one live answer, and an id that its workspace gave out."""
    secret = {row.name: bytes.fromhex(row.secret) for row in look.rows(store.workspaces)}
    for workspace, endpoint, of_day in _days(look):
        rows = _rows(look, workspace, endpoint, of_day)
        for (identity, version, mode), count in Counter(rows).items():
            if count > 1:
                yield f"prediction {identity} of version {version} ({mode}) is there {count} times"
        for identity, count in Counter(identity for identity, _, mode in set(rows) if mode == "live").items():
            if count > 1:
                yield f"prediction {identity} has {count} live answers"
        for identity in {identity for identity, _, _ in rows}:
            try:
                ids.check(secret[workspace], identity)
            except (ids.ForgedId, KeyError):
                yield f"prediction {identity} was never given out by {workspace}"


def predictions_contiguous(look: Look) -> Iterator[str]:
    """What was taken in of a segment begins at its start; a noted offset stands behind its header."""
    first: dict[tuple[str, int], int] = {}
    for name in _names(look):
        if match := STRETCH.fullmatch(name):
            key, offset = (match["node"], int(match["segment"])), int(match["offset"])
            first[key] = min(offset, first.get(key, offset))
    for (node, segment), offset in first.items():
        if offset != 0:
            yield f"segment {segment} of node {node} was taken in from byte {offset} on"
    for row in look.rows(store.segments):
        if row.offset < segments.HEADER_BYTES or row.records < 0:
            yield f"segment {row.segment} of node {row.node} is noted up to byte {row.offset} with {row.records} records"


def predictions_delivered(look: Look) -> Iterator[str]:
    """Of a node that lives in this home: each record that was taken in is in its log, and each of its rows was ingested."""
    if look.folder is None or not (look.folder / NODE_FILE).exists():
        return
    node = json.loads((look.folder / NODE_FILE).read_text("utf-8"))["id"]
    for row in look.rows(store.segments):
        path = segments.segment_path(look.folder / LOG, row.segment)
        if row.node != node or not path.exists():
            continue
        with path.open("rb") as file:
            data = file.read(row.offset)
        payloads = segments.read_records(data[segments.HEADER_BYTES :], path, segments.HEADER_BYTES)
        if len(data) != row.offset or len(payloads) != row.records:
            yield f"segment {row.segment}: {row.records} records up to byte {row.offset} are noted, {len(payloads)} are there"
        yield from _not_ingested(look, [json.loads(payload) for payload in payloads])


def _not_ingested(look: Look, records: list[dict[str, Any]]) -> Iterator[str]:
    by_day: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        by_day[record["w"], record["e"], day(record["t"])].append(record)
    for place, found in by_day.items():
        there = set(_rows(look, *place))
        for record in found:
            for identity in record["ids"]:
                if (identity, record["v"], record["m"]) not in there:
                    yield f"prediction {identity} of version {record['v']} ({record['m']}) was taken in and is not there"


def _days(look: Look) -> Iterator[tuple[str, str, str]]:
    """Workspace, endpoint and day of everything that was ingested."""
    if look.folder is None:
        return
    root = look.folder / PREDICTIONS
    for folder in sorted(root.glob("[!.]*/[!.]*/")):
        for of_day in lake.days(root, folder.parent.name, folder.name):
            yield folder.parent.name, folder.name, of_day


def _rows(look: Look, workspace: str, endpoint: str, of_day: str) -> list[tuple[str, int, str]]:
    assert look.folder is not None
    start = parse_iso(of_day)
    table = lake.read(look.folder / PREDICTIONS, workspace, endpoint, start, start + DAY_MS, ("id", "version", "mode"))
    return list(zip(*(table[name].to_pylist() for name in ("id", "version", "mode")), strict=True))


def _names(look: Look) -> Iterator[str]:
    """The names of what was ingested, merged or not."""
    if look.folder is not None:
        for place in _days(look):
            yield from lake.ingested(look.folder / PREDICTIONS, *place)

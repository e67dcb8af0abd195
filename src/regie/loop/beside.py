"""Two versions side by side: what the gates measured of both on the same rows, and what each of them was made of.

Where one was judged against the other, the difference is the gates' own, paired, with its interval; otherwise none is claimed. Of a
package only its manifest and its `regie.json` are read, as text: nothing of a model is loaded.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from regie.base.blobs import BlobStore
from regie.base.errors import BadInput, NotFound
from regie.gates import queries as gates
from regie.pipelines import queries as pipelines
from regie.registry import queries as registry
from regie.registry.types import Version
from regie.spec.expressions import METRICS, parse
from regie.spec.scanner import Malformed
from regie.tracking import queries as tracking

SHOWN = 50  # names in one list of differences
PACKAGE_FACTS = "regie.json"
ROWS_TAG = "regie.rows"
NATIVE = "native"


@dataclass(frozen=True)
class Column:
    """One column that a version asks for."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class Package:
    """What is known of a package without opening it. `path`: by what it answers, `native` or a compiled one; empty where it does not
    say. `proved_rows`: on how many rows the compiled path was compared with the model.
    """

    digest: str
    bytes: int
    files: int
    path: str = ""
    proved: bool | None = None
    proved_rows: int | None = None
    greatest_difference: float | None = None
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Made:
    """What a version was made of. A word is empty, and a number None, where nothing is known."""

    version: Version
    rows: int | None = None
    code: str = ""
    lock: str = ""
    by: str = ""
    reason: str = ""
    commit: str = ""
    snapshots: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    package: Package | None = None


@dataclass(frozen=True)
class Promise:
    """One gate on a metric, with its verdict on the newer version."""

    gate: str
    verdict: str
    bound: float | None


@dataclass(frozen=True)
class Measured:
    """One metric of both versions. Units: fraction, number, milliseconds, bytes. `low..high`: of the newer version's own figure.

    `difference` and its interval are of pairs on the `same_rows`, signed so that higher is better; `better` is None where the interval
    holds zero, or there is none. Without the same rows, `other` is what the older version's own judgement said.
    """

    metric: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    other: float | None
    same_rows: bool
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    better: bool | None
    rows: int
    days: int
    gates: tuple[Promise, ...]


@dataclass(frozen=True)
class Changed:
    """One thing with a name that is not the same in both; None where one of them does not have it."""

    name: str
    before: str | None
    now: str | None


def made(db: Connection, blobs: BlobStore, workspace: str, model: str, number: int) -> Made:
    """What a version was made of. Raises NotFound."""
    version = registry.version(db, workspace, model, number)
    tags = registry.tags_of(db, workspace, [version])[model, number]
    rows = tags.get(ROWS_TAG, "")
    package = package_of(blobs, version.package) if version.package else None
    found = Made(version, int(rows) if rows.isdigit() else None, by=version.user, package=package, params=_logged(db, version))
    try:
        run = pipelines.run(db, version.run_id, workspace)
    except NotFound:
        return found
    params = {**found.params, **{name: _text(value) for name, value in (run["params"] or {}).items()}}
    return Made(
        version, found.rows, run["code_digest"], run["lock_digest"], run["by"], run["reason"], str((run["git"] or {}).get("commit") or ""),
        run["snapshots"] or {}, params, libraries(blobs, run["lock_digest"]), package,
    )  # fmt: skip


def measured(db: Connection, workspace: str, model: str, judged: int, other: int | None) -> list[Measured]:
    """The newest judgement of a version, a metric each, beside what is known of another one."""
    newest = _newest(gates.evidence_of(db, workspace, model, judged))
    theirs = _newest(gates.evidence_of(db, workspace, model, other)) if other is not None else []
    known = {_metric(one["gate"])[0]: one["value"] for one in theirs}
    of_metric: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in newest:
        of_metric[_metric(one["gate"])].append(one)
    return [_measured(metric, kind, found, other, known.get(metric)) for (metric, kind), found in of_metric.items()]


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[Changed]:
    """What is not the same in two mappings, by name; at most `SHOWN`."""
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return [Changed(name, before.get(name), now.get(name)) for name in names[:SHOWN]]


def columns(package: Package | None) -> dict[str, str]:
    """The signature of a package as texts, to be compared."""
    return {one.name: one.type + ("?" if one.nullable else "") for one in package.columns} if package else {}


def package_of(blobs: BlobStore, digest: str) -> Package | None:
    """None where the package is not here."""
    try:
        manifest: dict[str, Any] = json.loads(blobs.get(digest))
        files = [int(one["bytes"]) for one in manifest.values()]
    except (NotFound, BadInput, ValueError, KeyError, TypeError, AttributeError):
        return None
    said = _facts(blobs, manifest.get(PACKAGE_FACTS))
    parity = said.get("parity") or {}
    signature: Sequence[Mapping[str, Any]] = said.get("signature") or ()
    return Package(
        digest, sum(files), len(files), str(said.get("path") or ""), parity.get("proved"), parity.get("rows"),
        parity.get("greatest_difference"),
        tuple(Column(str(one.get("name", "")), str(one.get("type", "")), bool(one.get("nullable"))) for one in signature),
    )  # fmt: skip


def libraries(blobs: BlobStore, digest: str) -> dict[str, str]:
    """The parts of a lock: Python, the platform, every library; empty where it is not here."""
    try:
        said: dict[str, Any] = json.loads(blobs.get(digest)) if digest else {}
    except (NotFound, BadInput, ValueError):
        return {}
    return {name.removeprefix("library "): str(value) for name, value in said.items()}


def _facts(blobs: BlobStore, fact: Any) -> dict[str, Any]:
    try:
        said = json.loads(blobs.get(fact["digest"])) if fact else {}
    except (NotFound, BadInput, ValueError, KeyError, TypeError):
        return {}
    return said if isinstance(said, dict) else {}


def _logged(db: Connection, version: Version) -> dict[str, str]:
    try:
        tracking.run(db, version.run_id, version.workspace)
    except NotFound:
        return {}
    return dict(tracking.data(db, version.run_id).params)


def _newest(evidence: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The evidence of the last judgement."""
    return [one for one in evidence if one["attempt"] == evidence[-1]["attempt"]]


def _measured(
    metric: str, kind: str, found: Sequence[Mapping[str, Any]], other: int | None, known: float | None
) -> Measured:  # fmt: skip
    own = next((one for one in found if one["champion_value"] is None), None)
    paired = next(
        (one for one in found if other is not None and one["champion"] == other and one["champion_value"] is not None), None
    )
    said = paired["detail"] if paired is not None else {}
    low, high = said.get("difference_low"), said.get("difference_high")
    better = True if low is not None and low > 0 else False if high is not None and high < 0 else None
    first = own or found[0]
    return Measured(
        metric, kind, first["value"], own["low"] if own else None, own["high"] if own else None,
        paired["champion_value"] if paired is not None else known, paired is not None, said.get("difference"), low, high, better,
        first["rows"], first["blocks"], tuple(Promise(one["gate"], one["verdict"], one["bound"]) for one in found),
    )  # fmt: skip


def _metric(gate: str) -> tuple[str, str]:
    """What a gate measures, and its unit; a gate of a later grammar speaks for itself."""
    try:
        expression = parse(gate)
    except Malformed:
        return gate, "number"
    return expression.subject, METRICS[expression.metric].kind


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

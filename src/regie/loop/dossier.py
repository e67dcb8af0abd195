"""What a person reads before deciding on a version: who made it, what the gates said, and what differs from the champion."""

from typing import Any

from sqlalchemy import Connection

from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.gates.approvals import Approval
from regie.loop.authors import Authorship, authors
from regie.loop.scene import Scene
from regie.pipelines import queries as pipelines
from regie.registry import queries as registry
from regie.registry.types import Version
from regie.tracking import queries as tracking

FIGURES = (
    "gate", "verdict", "value", "low", "high", "bound", "champion", "champion_value", "rows", "blocks", "judged_ms", "holdout",
)  # fmt: skip
Differences = dict[str, dict[str, Any]]


def brief(db: Connection, one: Approval) -> dict[str, Any]:
    """One approval as it is listed: the question, its answer, and who may not give it."""
    about = vars(one.about)
    facts = {name: value for name, value in vars(one).items() if name not in ("about", "cause")}
    return {**facts, **about, "authors": sorted(_authors(db, one.workspace, one.model, one.version))}


def full(scene: Scene, db: Connection, one: Approval) -> dict[str, Any]:
    """One approval with everything that speaks for and against the version."""
    found = gates.evidence_of(db, one.workspace, one.model, one.version)
    judged = [{name: row[name] for name in FIGURES} for row in found if row["attempt"] == one.about.attempt]
    # Also under another number: a refused version that is registered again carries its refusal.
    others = gates.approvals_of(db, one.workspace, package=one.about.package)
    return {
        **brief(db, one), "authors": _authors(db, one.workspace, one.model, one.version), "evidence": judged,
        "differences": differences(scene, db, one), "before": [brief(db, other) for other in others if other.id < one.id],
        "cause": one.cause,
    }  # fmt: skip


def authorships(db: Connection, one: Approval) -> dict[str, Authorship]:
    """Who made the version, and what makes authors of them."""
    return _made(db, one.workspace, one.model, one.version)


def _authors(db: Connection, workspace: str, model: str, version: int) -> dict[str, str]:
    return {name: str(why) for name, why in _made(db, workspace, model, version).items()}


def _made(db: Connection, workspace: str, model: str, version: int) -> dict[str, Authorship]:
    try:
        return authors(db, workspace, model, version)
    except NotFound:
        return {}  # a version that is gone; what was decided on it stays


def differences(scene: Scene, db: Connection, one: Approval) -> Differences:
    """What is not as in the champion that the evidence compares with: `{thing: {"champion": ..., "version": ...}}`."""
    facts = _facts(db, one.workspace, one.model, one.version)
    champion = _facts(db, one.workspace, one.model, one.about.champion) if one.about.champion is not None else {}
    return {
        name: {"champion": champion.get(name), "version": facts.get(name)}
        for name in sorted(facts.keys() | champion.keys())
        if facts.get(name) != champion.get(name)
    }


def _facts(db: Connection, workspace: str, model: str, number: int) -> dict[str, Any]:
    try:
        version = registry.version(db, workspace, model, number)
    except NotFound:
        return {}
    facts: dict[str, Any] = {"package": version.package, "window": version.window, "seen_until_ms": version.seen_until_ms}
    return facts | _of_run(db, version)


def _of_run(db: Connection, version: Version) -> dict[str, Any]:
    """The code, the data and the parameters of its run, where it has one here."""
    facts: dict[str, Any] = {}
    try:
        run = pipelines.run(db, version.run_id, version.workspace)
        facts |= {"code": run["code_digest"], "lock": run["lock_digest"]}
        facts |= {f"snapshot {name}": digest for name, digest in run["snapshots"].items()}
        facts |= {f"param {name}": value for name, value in run["params"].items()}
    except NotFound:
        pass
    try:
        tracking.run(db, version.run_id, version.workspace)
        facts |= {f"param {name}": value for name, value in tracking.data(db, version.run_id).params.items()}
    except NotFound:
        pass
    return facts

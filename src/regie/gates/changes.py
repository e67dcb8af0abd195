"""Writes of qualifications, evidence and approvals: each takes `tx`, compares before it sets, and may be repeated."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, update

from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.gates import queries
from regie.gates.approvals import About, Approval
from regie.gates.queries import Qualification
from regie.gates.tables import approvals, evidence, qualifications
from regie.store.change import Change, caused, remembered, upsert
from regie.store.types import Cause

PASSED, FAILED, INCONCLUSIVE, DROPPED = "passed", "failed", "inconclusive", "dropped"
EVENT = {PASSED: "gates.passed", FAILED: "gates.failed", INCONCLUSIVE: "gates.inconclusive", DROPPED: "gates.dropped"}


def open(tx: Change, model: str, version: int, cause: Cause, next_ms: int) -> None:
    """A challenger comes to the gates; nothing happens if it is there already."""
    row = {
        "workspace": tx.workspace, "model": model, "version": version, "state": "waiting", "attempts": 0, "next_ms": next_ms,
        "because": "new.challenger", "cause": remembered(cause), "created_ms": tx.now_ms,
    }  # fmt: skip
    tx.execute(upsert(tx.connection, qualifications, row, ["workspace", "model", "version"], keep=True))


def judging(tx: Change, seen: Qualification) -> bool:
    """The evaluation is on its way. False if the qualification is no longer as it was seen."""
    return _set(tx, seen, state="judging")


def wait_again(tx: Change, seen: Qualification, because: str, next_ms: int) -> bool:
    """Judged again later: the evaluation broke, or the champion it was compared with is no longer the champion."""
    return _set(tx, seen, state="waiting", because=because[:200], next_ms=next_ms)


def conclude(
    tx: Change, seen: Qualification, outcome: str, because: str, results: Sequence[dict[str, Any]], *, champion: int | None,
    holdout: dict[str, Any], next_ms: int, cause: Cause,
) -> Cause | None:  # fmt: skip
    """Store the evidence of one attempt and what follows from it. None if somebody else concluded it."""
    state = "waiting" if outcome == INCONCLUSIVE else outcome
    attempt = seen.attempts + 1
    if not _set(
        tx, seen, state=state, because=because[:200], attempts=attempt, next_ms=next_ms, champion=champion, judged_ms=tx.now_ms
    ):
        return None
    if results:
        tx.execute(insert(evidence), [_row(tx, seen, attempt, result, champion, holdout) for result in results])
    said = [{"gate": result["gate"], "verdict": result["verdict"], "value": result["value"]} for result in results]
    concluded = tx.event(
        EVENT[outcome], f"{seen.model}@{seen.version}", cause=cause, because=because, champion=champion, gates=said
    )
    same = _same(seen)
    tx.execute(update(qualifications).where(*same).values(cause=remembered(concluded)))
    return concluded


def _row(
    tx: Change, seen: Qualification, attempt: int, result: dict[str, Any], champion: int | None, holdout: dict[str, Any]
) -> dict[str, Any]:
    figures = {name: result.get(name) for name in ("value", "low", "high", "bound", "champion_value")}
    return {
        "id": new_id(), "workspace": seen.workspace, "model": seen.model, "version": seen.version, "attempt": attempt,
        "gate": result["gate"], "verdict": result["verdict"], "champion": champion, "rows": result.get("rows", 0),
        "blocks": result.get("blocks", 0), "holdout": canonical(holdout), "detail": canonical(result.get("detail", {})),
        "judged_ms": tx.now_ms, **figures,
    }  # fmt: skip


def _same(seen: Qualification) -> tuple[Any, ...]:
    table = qualifications.c
    return table.workspace == seen.workspace, table.model == seen.model, table.version == seen.version


def _set(tx: Change, seen: Qualification, **values: Any) -> bool:
    as_seen = (*_same(seen), qualifications.c.state == seen.state, qualifications.c.attempts == seen.attempts)
    return bool(tx.execute(update(qualifications).where(*as_seen).values(**values)).rowcount)


def ask(
    tx: Change, environment: str, model: str, version: int, about: About, *, role: str, spec_digest: str, deadline_ms: int,
    because: str, seen: Approval | None, cause: Cause,
) -> bool:  # fmt: skip
    """Ask people for an approval. `seen`: the version's newest one, which this one replaces. False if there is another by now.

    What still waits for an answer in this place is superseded: there is one question at a time.
    """
    newest = queries.approval(tx.connection, tx.workspace, environment, model, version)
    if (newest.id if newest else None) != (seen.id if seen else None):
        return False
    for one in queries.approvals_of(tx.connection, tx.workspace, environment=environment, model=model, state="pending"):
        lapse(tx, one, "superseded", because if one.version == version else "newer.challenger", by=f"{model}@{version}")
    identity = new_id()
    asked = tx.event(
        "approval.requested", f"{model}@{version}", cause=cause, because=because, approval=identity, role=role,
        deadline_ms=deadline_ms, environment=environment, champion=about.champion,
    )  # fmt: skip
    row = {
        "id": identity, "workspace": tx.workspace, "environment": environment, "model": model, "version": version,
        "state": "pending", "role": role, **vars(about), "spec_digest": spec_digest, "requested_ms": tx.now_ms,
        "deadline_ms": deadline_ms, "decided_by": "", "reason": "", "because": because, "cause": remembered(asked),
    }  # fmt: skip
    tx.execute(insert(approvals).values(row))
    return True


def answer(tx: Change, approval: Approval, state: str, reason: str) -> bool:
    """A person's `granted` or `refused`. False if it was answered or ended meanwhile, or comes too late."""
    if tx.now_ms >= approval.deadline_ms:
        return False
    by = tx.actor.name
    if not _close(tx, approval, state=state, decided_by=by, reason=reason, because="by.hand"):
        return False
    said = tx.event(
        f"approval.{state}", approval.subject, cause=caused(approval), because="by.hand", approval=approval.id, by=by, reason=reason,
        environment=approval.environment,
    )  # fmt: skip
    tx.execute(update(approvals).where(approvals.c.id == approval.id).values(cause=remembered(said)))
    return True


def lapse(tx: Change, approval: Approval, state: str, because: str, **data: Any) -> bool:
    """A question that nobody answered is `expired`, or `superseded` by another. False if it was answered or ended meanwhile."""
    if not _close(tx, approval, state=state, because=because[:64]):
        return False
    ended = tx.event(
        f"approval.{state}", approval.subject, cause=caused(approval), because=because, approval=approval.id,
        environment=approval.environment, **data,
    )  # fmt: skip
    tx.execute(update(approvals).where(approvals.c.id == approval.id).values(cause=remembered(ended)))
    return True


def _close(tx: Change, approval: Approval, **values: Any) -> bool:
    pending = (approvals.c.id == approval.id, approvals.c.state == "pending")
    return bool(tx.execute(update(approvals).where(*pending).values(**values, decided_ms=tx.now_ms)).rowcount)

"""Writes of qualifications and evidence: each takes `tx`, compares before it sets, and may be repeated."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, update

from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.gates.queries import Qualification
from regie.gates.tables import evidence, qualifications
from regie.store.change import Change, remembered, upsert
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

"""The crown: a version becomes the champion of an endpoint. Only what releases may import this; an import contract says so."""

from typing import Any

from sqlalchemy import delete, select

from regie.registry.tables import champions
from regie.registry.types import Champion
from regie.store.change import Change, remembered, upsert
from regie.store.types import Cause

KEY = ("workspace", "endpoint", "environment")


def hold(tx: Change, endpoint: str, environment: str) -> Champion | None:
    """The champion, held until the change ends: whatever moves a rollout or the crown begins with it, so that two never cross."""
    row = tx.execute(select(champions).where(*_place(tx, endpoint, environment)).with_for_update()).first()
    return Champion(**row._mapping) if row else None


def crown(tx: Change, endpoint: str, environment: str, model: str, version: int, rollout_id: str, cause: Cause) -> Cause:
    """Make the version champion; the one before it is remembered as the former one. Nothing happens where it is champion already."""
    before = hold(tx, endpoint, environment)
    if before is not None and (before.model, before.version) == (model, version):
        return cause
    former = before.version if before is not None and before.model == model else None
    return _write(tx, endpoint, environment, model, version, former, rollout_id, cause)


def restore(tx: Change, lost: Champion, version: int, former: int | None, rollout_id: str, cause: Cause) -> Cause:
    """A former champion comes back for the one that lost the crown. `former`: who was champion before its own first time.

    The one that lost it is nobody's former champion, so that no later step back leads to it.
    """
    return _write(tx, lost.endpoint, lost.environment, lost.model, version, former, rollout_id, cause)


def vacate(tx: Change, endpoint: str, environment: str, cause: Cause) -> Cause:
    """Take the crown away where nobody held it before: a first release that was aborted leaves no champion."""
    before = hold(tx, endpoint, environment)
    if before is None:
        return cause
    tx.execute(delete(champions).where(*_place(tx, endpoint, environment)))
    return tx.event(
        "champion.vacated", f"{before.model}@{before.version}", cause=cause, endpoint=endpoint, environment=environment
    )


def _write(
    tx: Change, endpoint: str, environment: str, model: str, version: int, former: int | None, rollout_id: str, cause: Cause
) -> Cause:  # fmt: skip
    crowned = tx.event(
        "champion.crowned", f"{model}@{version}", cause=cause, endpoint=endpoint, environment=environment, model=model,
        version=version, former_version=former, rollout=rollout_id,
    )  # fmt: skip
    row = {
        "workspace": tx.workspace, "endpoint": endpoint, "environment": environment, "model": model, "version": version,
        "former_version": former, "since_ms": tx.now_ms, "rollout_id": rollout_id, "cause": remembered(crowned),
    }  # fmt: skip
    tx.execute(upsert(tx.connection, champions, row, KEY))
    return crowned


def _place(tx: Change, endpoint: str, environment: str) -> tuple[Any, ...]:
    return (
        champions.c.workspace == tx.workspace, champions.c.endpoint == endpoint, champions.c.environment == environment,
    )  # fmt: skip

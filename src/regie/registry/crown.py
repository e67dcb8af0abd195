"""The crown: a version becomes the champion of an endpoint. Only `loop/release` may import this; an import contract says so."""

from sqlalchemy import delete, select

from regie.registry.tables import champions
from regie.store.change import Change, remembered, upsert
from regie.store.types import Cause

KEY = ("workspace", "endpoint", "environment")


def crown(tx: Change, endpoint: str, environment: str, model: str, version: int, rollout_id: str, cause: Cause) -> Cause:
    """Make the version champion; the one before it is remembered as the former one. Nothing happens where it is champion already."""
    same = (
        champions.c.workspace == tx.workspace, champions.c.endpoint == endpoint, champions.c.environment == environment,
    )  # fmt: skip
    before = tx.execute(select(champions).where(*same).with_for_update()).first()
    if before is not None and (before.model, before.version) == (model, version):
        return cause
    former = before.version if before is not None and before.model == model else None
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


def vacate(tx: Change, endpoint: str, environment: str, cause: Cause) -> Cause:
    """Take the crown away where nobody held it before: a first release that was aborted leaves no champion."""
    same = (
        champions.c.workspace == tx.workspace, champions.c.endpoint == endpoint, champions.c.environment == environment,
    )  # fmt: skip
    before = tx.execute(select(champions).where(*same)).first()
    if before is None:
        return cause
    tx.execute(delete(champions).where(*same))
    return tx.event(
        "champion.vacated", f"{before.model}@{before.version}", cause=cause, endpoint=endpoint, environment=environment
    )

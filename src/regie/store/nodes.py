"""Serving nodes as the control plane knows them: what each acknowledged, uploaded, and when it was last seen.

A flush number is the wall time, in milliseconds, at which it was handed out: a node that acknowledges it has uploaded everything
that it answered before.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from regie.base.clock import wall_ms
from regie.store.tables import nodes

LIVE_MS = 10_000
NO_NODE = "no live node"  # in the place of names


@dataclass(frozen=True)
class Node:
    """One serving node. `generations` and `failed` go by endpoint; `variants` by endpoint and version: what failed there."""

    id: str
    tag: int
    address: str
    flush: int
    generations: dict[str, int]
    failed: dict[str, str]
    last_id: str
    seen_wall_ms: int
    variants: dict[str, dict[str, dict[str, Any]]]

    @property
    def live(self) -> bool:
        return abs(wall_ms() - self.seen_wall_ms) < LIVE_MS  # a clock that was set back makes nobody live


def known(db: Connection) -> list[Node]:
    """Every node that ever synced."""
    return [_node(row) for row in db.execute(select(nodes).order_by(nodes.c.id))]


def live(db: Connection) -> list[Node]:
    return [node for node in known(db) if node.live]


def behind(db: Connection, endpoint: str, generation: int) -> tuple[str, ...]:
    """The live nodes that have not acknowledged a generation; where no node lives, that is said."""
    alive = live(db)
    if not alive:
        return (NO_NODE,)
    return tuple(node.id for node in alive if node.generations.get(endpoint, 0) < generation)


def failure(db: Connection, endpoint: str, generation: int) -> str:
    """Why a live node cannot take this generation up; empty if none says so. What it says of another one is old."""
    said = [node.failed[endpoint] for node in live(db) if node.failed.get(endpoint)]
    return next((one for one in said if f"generation {generation}:" in one), "")


def delivered(db: Connection, flush: int) -> bool:
    """Whether every live node has uploaded all that it had answered when that flush number was handed out.

    Where none lives, those that were known are waited for: silence is no delivery.
    """
    return all(node.flush >= flush for node in live(db) or known(db))


def _node(row: Any) -> Node:
    return Node(
        row.id, row.tag, row.address, row.flush, json.loads(row.generations), json.loads(row.failed), row.last_id, row.seen_wall_ms,
        json.loads(row.variants),
    )  # fmt: skip

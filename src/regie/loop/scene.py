"""What a turn sees of one workspace before it decides."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from regie.base.clock import wall_ms
from regie.registry import queries as registry
from regie.spec.document import ServeSpec, Spec
from regie.spec.read import from_json
from regie.store import nodes
from regie.store.change import Store, business_now
from regie.store.tables import settling, specs, workspaces

DEFAULT_ENVIRONMENT = "prod"


@dataclass(frozen=True)
class Scene:
    """One workspace under a `regie.yaml`. `predictions`: folder of the ingested prediction log.

    `at_ms`: the business time of a look at a driven clock; a clock that moves on meanwhile is looked at next time.
    """

    store: Store
    predictions: Path
    workspace: str
    spec: Spec
    root: Path
    code_digest: str
    clock: str
    applied_ms: int
    at_ms: int | None = None

    @property
    def environment(self) -> str:
        """The environment whose endpoint this is: the one marked `production: true`."""
        return self.spec.production or next(iter(self.spec.environments), DEFAULT_ENVIRONMENT)

    @property
    def serves(self) -> ServeSpec | None:
        """The endpoint, where the file promises one for a model."""
        return self.spec.serve if self.spec.model else None

    @property
    def model(self) -> str:
        return self.spec.model.name if self.spec.model else ""

    def now_ms(self) -> int:
        """Business time."""
        return self.store.now_ms(self.workspace) if self.at_ms is None else self.at_ms

    def champion(self, db: Connection) -> Any | None:
        """The champion's row of the served endpoint."""
        if self.serves is None:
            return None
        return registry.champion(db, self.workspace, endpoint=self.serves.endpoint)

    def is_applied(self, db: Connection) -> bool:
        """Whether this is still the file that is applied: asked inside a change that must not obey an older one."""
        current = (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name)
        query = select(specs.c.document).join(workspaces, current).where(workspaces.c.name == self.workspace)
        document = db.execute(query).scalar()
        return document is not None and from_json(json.loads(document)) == self.spec

    def watermark(self, db: Connection) -> int:
        """Business time up to which every live serving node has delivered its predictions."""
        if self.clock == "wall":
            # Never ahead of now: a node's last flush may have been numbered by a clock that was set back since.
            return min([wall_ms(), *(node.flush for node in nodes.live(db) or nodes.known(db))])
        row = db.execute(select(settling).where(settling.c.workspace == self.workspace)).first()
        if row is None or nodes.delivered(db, row.flush):
            return business_now(db, self.workspace)
        return int(row.settled_ms)


def scene(store: Store, predictions: Path, workspace: str) -> Scene | None:
    """The scene of a workspace; None where no `regie.yaml` was applied."""
    with store.read() as db:
        row = db.execute(
            select(workspaces.c.clock, specs)
            .join(specs, (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name))
            .where(workspaces.c.name == workspace)
        ).first()
    if row is None:
        return None
    spec = from_json(json.loads(row.document))
    return Scene(store, predictions, workspace, spec, Path(row.root), row.code_digest, row.clock, row.applied_ms)


def applied(db: Connection) -> list[str]:
    """The workspaces under a `regie.yaml`."""
    return list(
        db.execute(select(workspaces.c.name).where(workspaces.c.spec_digest.is_not(None)).order_by(workspaces.c.name)).scalars()
    )

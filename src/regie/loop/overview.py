"""Look at every model at once: where each stands in its loop, and the windows of its promised metric.

A dozen statements for all workspaces together, whatever their number; no `regie.yaml` is parsed, no prediction is read, and neither
numpy nor pyarrow is loaded. At most `WINDOWS` windows of the last `BACK_MS` of business time a model. Times are business
milliseconds.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from regie.base.clock import DAY_MS, wall_ms
from regie.data import queries as data
from regie.gates import queries as gates
from regie.gates.approvals import Approval
from regie.gates.queries import Qualification
from regie.loop.standing import Live, Observed, Standing, stand
from regie.monitoring import queries as monitoring
from regie.pipelines import queries as pipelines
from regie.registry import queries as registry
from regie.registry.types import Champion
from regie.rollout import queries as rollout
from regie.rollout.types import Rollout
from regie.spec.expressions import parse
from regie.store import events, nodes
from regie.store.tables import specs, workspaces

WINDOWS = 60
BACK_MS = 90 * DAY_MS
DEFAULT_ENVIRONMENT = "prod"
Row = TypeVar("Row")


@dataclass(frozen=True)
class Promised:
    """What the applied file of a workspace says, as far as an overview needs it. `quality`: the first promise about production."""

    workspace: str
    clock: str
    now_ms: int
    model: str
    endpoint: str
    environment: str
    team: str
    pipeline: str  # the first one; empty where there is none
    quality: str


@dataclass(frozen=True)
class Window:
    """One window of the promised metric, of the version that was champion then."""

    to_ms: int
    value: float
    bound: float | None
    verdict: str
    version: int


@dataclass(frozen=True)
class Overview:
    """One model. `things`: the id of what each station speaks of, by its name."""

    promised: Promised
    stations: tuple[Standing, ...]
    champion: Champion | None
    rollout: Rollout | None
    approval: Approval | None
    judged: Qualification | None
    run: Any | None
    broken: Any | None
    breaches: tuple[Any, ...]
    windows: tuple[Window, ...]
    below: bool
    nodes: int
    facts: Observed = field(repr=False)


def promised(db: Connection, names: Iterable[str] | None = None) -> list[Promised]:
    """What the files that are applied promise, of those workspaces, or of all."""
    applied = (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name)
    query = select(workspaces.c.name, workspaces.c.clock, workspaces.c.now_ms, specs.c.document).join(specs, applied)
    rows = db.execute(query.order_by(workspaces.c.name)).all()
    wanted = None if names is None else set(names)
    return [_promised(row) for row in rows if wanted is None or row.name in wanted]


def overviews(db: Connection, here: Sequence[Promised]) -> list[Overview]:
    """Where the models of some workspaces stand, in the same order."""
    names = [one.workspace for one in here]
    if not names:
        return []
    seen = _Seen.of(db, here, names)
    return [seen.overview(one) for one in here]


@dataclass(frozen=True)
class _Seen:
    """Everything that was read, by workspace."""

    champions: dict[str, list[Champion]]
    rollouts: dict[str, list[Rollout]]
    judged: dict[str, list[Qualification]]
    challengers: dict[str, list[Any]]
    released: set[tuple[str, str, int]]
    approvals: dict[str, list[Approval]]
    breaches: dict[str, list[Any]]
    runs: dict[str, list[Any]]
    readings: dict[str, list[Any]]
    windows: dict[str, list[Any]]
    generations: dict[tuple[str, str], int]
    nodes: list[nodes.Node]
    paused: dict[str, int]

    @classmethod
    def of(cls, db: Connection, here: Sequence[Promised], names: Sequence[str]) -> "_Seen":
        judged, live = gates.newest(db, names), rollout.live_in(db, names)
        watched = {one.workspace: one.now_ms - BACK_MS for one in here if one.quality}
        return cls(
            _by(registry.champions_in(db, names)), _by(live), _by(judged), _by(registry.challengers_in(db, names)),
            rollout.had(db, [(one.workspace, one.model, one.version) for one in judged if one.state == "passed"]),
            _by(gates.pending(db, names)), _by(monitoring.open_in(db, names)), _by(pipelines.newest(db, names)),
            _by(data.newest(db, names)), _by(monitoring.windows_in(db, watched)), rollout.generations(db, names), nodes.live(db),
            events.newest_times(db, "rollout.paused", [one.id for one in live if one.paused]),
        )  # fmt: skip

    def overview(self, one: Promised) -> Overview:
        name = one.workspace
        champion = next((c for c in self.champions[name] if (c.model, c.endpoint) == (one.model, one.endpoint)), None)
        live = next((r for r in self.rollouts[name] if r.endpoint == one.endpoint and r.state == "running"), None)
        live = live or next((r for r in reversed(self.rollouts[name]) if r.endpoint == one.endpoint), None)
        judged = next((q for q in self.judged[name] if q.model == one.model), None)
        approval = next((a for a in self.approvals[name] if a.model == one.model), None)
        run, broken = next(iter(self.runs[name]), None), self._broken(name)
        windows = [w for w in self.windows[name] if w.monitor == one.quality]
        facts = self._observed(one, champion, live, judged, approval, run, broken, windows)
        return Overview(
            one, stand(facts), champion, live, approval, judged, run, broken, tuple(self.breaches[name]),
            tuple(Window(w.to_ms, w.value, w.bound, w.verdict, w.version) for w in windows[-WINDOWS:] if w.value is not None),
            kept_below(one.quality), len(self.nodes), facts,
        )  # fmt: skip

    def _broken(self, name: str) -> Any | None:
        """The dataset whose newest reading broke its contract, unless a retraining ended well after that."""
        run = next(iter(self.runs[name]), None)
        well_ms = (run.ended_ms or 0) if run is not None and run.state == "finished" else 0
        return next((one for one in self.readings[name] if one.state == "broken" and one.as_of_ms >= well_ms), None)

    def _observed(
        self, one: Promised, champion: Champion | None, live: Rollout | None, judged: Qualification | None,
        approval: Approval | None, run: Any | None, broken: Any | None, windows: Sequence[Any],
    ) -> Observed:  # fmt: skip
        name, endpoint = one.workspace, one.endpoint
        generation = self.generations.get((name, endpoint), 0)
        said = [node.failed.get(endpoint, "") for node in self.nodes]
        competing = [c for c in self.challengers[name] if c.name == one.model]
        newest = competing[-1] if competing else None
        fresh = newest is not None and (judged is None or newest.version > judged.version)
        own = [w for w in windows if champion is not None and w.version == champion.version]
        return Observed(
            one.now_ms, bool(endpoint), bool(one.pipeline), bool(one.quality),
            contract_broken_ms=broken.as_of_ms if broken is not None else None,
            snapshot_ms=max((r.as_of_ms for r in self.readings[name]), default=None),
            run=run.state if run is not None else "", run_by=run.by if run is not None else "",
            run_ms=(run.ended_ms or run.started_ms or run.created_ms) if run is not None else None,
            gates=judged.state if judged else "", gates_because=judged.because if judged else "",
            gates_ms=(judged.judged_ms or judged.created_ms) if judged else None, gates_next_ms=judged.next_ms if judged else 0,
            competes=judged is not None and any(c.version == judged.version for c in competing),
            fresh_ms=newest.created_ms if newest is not None and fresh else None,
            approval_ms=approval.requested_ms if approval else None, approval_until_ms=approval.deadline_ms if approval else None,
            rollout=_live(live, self.paused.get(live.id)) if live else None,
            released=judged is not None and (name, judged.model, judged.version) in self.released,
            champion_ms=champion.since_ms if champion else None,
            quality_ms=self._opened(name, "quality"), drift_ms=self._opened(name, "drift"),
            window_ms=own[-1].to_ms if own else None, verdict=own[-1].verdict if own else "",
            nodes=len(self.nodes), nodes_behind=sum(node.generations.get(endpoint, 0) < generation for node in self.nodes),
            node_failed=any(f"generation {generation}:" in word for word in said),
        )  # fmt: skip

    def _opened(self, name: str, kind: str) -> int | None:
        return min((one.opened_ms for one in self.breaches[name] if one.kind == kind), default=None)


def _by(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.workspace].append(row)  # type: ignore[attr-defined]
    return found


def _live(one: Rollout, paused_ms: int | None) -> Live:
    stage, since_ms = one.current, one.started_ms or one.created_ms
    return Live(one.state, stage.kind, one.entered_ms, stage.for_ms, stage.max_ms, one.paused, since_ms, paused_ms)


@lru_cache(1000)
def kept_below(quality: str) -> bool:
    """Whether a promise is kept below its bound."""
    return bool(quality) and parse(quality).operator[0] == "<"


def _promised(row: Any) -> Promised:
    said: dict[str, Any] = json.loads(row.document)
    environments: dict[str, Any] = said.get("environments") or {}
    marked = [key for key, one in environments.items() if (one or {}).get("production")]
    quality = (said.get("monitor") or {}).get("quality") or [""]
    return Promised(
        row.name, row.clock, row.now_ms if row.clock == "driven" else wall_ms(), (said.get("model") or {}).get("name", ""),
        (said.get("serve") or {}).get("endpoint", ""), next(iter([*marked, *environments]), DEFAULT_ENVIRONMENT),
        (said.get("owner") or {}).get("team", ""), next(iter(said.get("pipelines") or {}), ""), quality[0],
    )  # fmt: skip

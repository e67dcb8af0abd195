"""What a rollout is made of, and what is seen of it. Times are business-clock milliseconds."""

from dataclasses import dataclass, field
from typing import Any, Literal

StageKind = Literal["shadow", "canary", "full", "watch"]


@dataclass(frozen=True)
class Stage:
    """One stage: at least `for_ms` and `min_requests`; after `max_ms` without them it is inconclusive and holds."""

    kind: StageKind
    for_ms: int = 0
    share: float = 1.0
    min_requests: int = 0
    max_ms: int = 0

    @property
    def compares(self) -> bool:
        """Whether the stage needs a champion to compare with."""
        return self.kind in ("shadow", "canary")


@dataclass(frozen=True)
class RolloutSpec:
    """The promised stages, in order, and the guards as written."""

    stages: tuple[Stage, ...]
    guards: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"stages": [vars(stage) for stage in self.stages], "guards": list(self.guards)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "RolloutSpec":
        return cls(tuple(Stage(**stage) for stage in value["stages"]), tuple(value["guards"]))


@dataclass(frozen=True)
class Rollout:
    """One rollout as it stands. `entered_ms` is None until all live nodes have acknowledged the stage's route."""

    id: str
    workspace: str
    endpoint: str
    environment: str
    model: str
    version: int
    incumbent: int | None
    state: str
    stage: int
    entered_ms: int | None
    generation: int
    paused: bool
    spec: RolloutSpec
    cause: str
    created_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    because: str = ""

    @property
    def current(self) -> Stage:
        return self.spec.stages[self.stage]


@dataclass(frozen=True)
class Observed:
    """What a decision sees. `nodes_behind` names the live nodes that have not acknowledged the wanted generation."""

    stage: int
    entered_ms: int | None
    requests: int = 0
    broken: tuple[str, ...] = ()
    paused: bool = False
    incumbent: bool = True
    nodes_behind: tuple[str, ...] = ()
    failed: str = ""  # a node cannot load the package
    watch: Literal["", "not_worse", "worse"] = ""
    quality_breached: bool = False


@dataclass(frozen=True)
class Enter:
    """Go on to the next stage."""


@dataclass(frozen=True)
class Acknowledge:
    """All live nodes answer by the stage's route: its time starts now."""


@dataclass(frozen=True)
class Wait:
    """Leave everything as it is."""


@dataclass(frozen=True)
class Abort:
    """Give the traffic back to the former champion."""


@dataclass(frozen=True)
class Finish:
    """The rollout is over; its version stays champion."""


Move = Enter | Acknowledge | Wait | Abort | Finish


@dataclass(frozen=True)
class Decision:
    """The move, and the name of the rule that chose it: what `regie why` prints."""

    do: Move
    because: str


@dataclass(frozen=True)
class Variant:
    """One version behind an endpoint."""

    version: int
    role: Literal["champion", "challenger", "former"]
    mode: Literal["live", "shadow"] = "live"
    share: float = 1.0
    only: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value != ""}


@dataclass(frozen=True)
class Route:
    """The wanted table of variants of one endpoint."""

    workspace: str
    endpoint: str
    environment: str
    model: str
    generation: int
    variants: tuple[Variant, ...] = field(default_factory=tuple)

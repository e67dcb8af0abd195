"""`regie.yaml` as frozen promises: what every other package reads.

A Spec holds no default to guess and no position: it is what the file means. `to_json` is its canonical JSON, in the words of
the file; `spec.read.from_json` reads it back to an equal Spec. Times are milliseconds of business time.
"""

from dataclasses import dataclass, field
from typing import Any

from regie.base.canonical import digest
from regie.spec.expressions import Expression
from regie.spec.phrases import Breach, ColumnType, Repeat, Schedule, Stage, Window
from regie.spec.scanner import written


@dataclass(frozen=True)
class Owner:
    team: str | None = None
    steward: str | None = None
    on_call: str | None = None

    def to_json(self) -> dict[str, Any]:
        return present(team=self.team, steward=self.steward, on_call=self.on_call)


@dataclass(frozen=True)
class ColumnSpec:
    """`use`: feature, key, time, label, evaluation (never shown to the model) or ignore."""

    name: str
    type: ColumnType
    use: str = "feature"

    def to_json(self) -> Any:
        # Key, time and label follow from the dataset's own words.
        return {"type": self.type.text, "use": self.use} if self.use in ("evaluation", "ignore") else self.type.text


@dataclass(frozen=True)
class LabelSpec:
    """Mature `known_after_ms` after the row's time, whatever the value."""

    column: str
    known_after_ms: int

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "known_after": written(self.known_after_ms)}


@dataclass(frozen=True)
class DatasetSpec:
    """`columns` may be empty: then nothing is promised about them. `holdout_ms`: the newest stretch of mature rows."""

    name: str
    source: str
    key: tuple[str, ...] = ()
    time: str | None = None
    columns: dict[str, ColumnSpec] = field(default_factory=dict)
    checks: tuple[Expression, ...] = ()
    label: LabelSpec | None = None
    holdout_ms: int | None = None

    def columns_for(self, use: str) -> tuple[str, ...]:
        """The promised columns of one use, in the order of the file."""
        return tuple(name for name, column in self.columns.items() if column.use == use)

    def to_json(self) -> dict[str, Any]:
        return present(
            source=self.source,
            key=list(self.key),
            time=self.time,
            columns={name: column.to_json() for name, column in self.columns.items()},
            checks=texts(self.checks),
            label=self.label.to_json() if self.label else None,
            holdout=Window(self.holdout_ms).text if self.holdout_ms else None,
        )


@dataclass(frozen=True)
class PipelineSpec:
    """A candidate is trained for each window; the better one becomes the challenger."""

    name: str
    module: str
    function: str
    windows: tuple[Window, ...] = (Window(),)

    def to_json(self) -> dict[str, Any]:
        return {"run": f"{self.module}:{self.function}", "windows": texts(self.windows)}


@dataclass(frozen=True)
class TaskSpec:
    """`kind`: binary, multiclass or regression. `positive`, `threshold`: of a binary task only."""

    kind: str
    positive: bool | int | str | None = None
    threshold: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class ApproveSpec:
    """A person with the role `by`, never an author of the version, decides within so much business time."""

    by: str
    within_ms: int

    def to_json(self) -> dict[str, Any]:
        return {"by": self.by, "not": "author", "within": written(self.within_ms)}


@dataclass(frozen=True)
class ModelSpec:
    name: str
    task: TaskSpec
    gates: tuple[Expression, ...] = ()
    approve: ApproveSpec | None = None

    def to_json(self) -> dict[str, Any]:
        # An empty list is said: it means no gates, while a missing one means the defaults of the risk.
        said = {"name": self.name, "task": self.task.to_json(), "gates": texts(self.gates)}
        return said | present(approve=self.approve.to_json() if self.approve else None)


@dataclass(frozen=True)
class ServeSpec:
    """`min_requests`: what a shadow or canary stage must have seen before it may end."""

    endpoint: str
    rollout: tuple[Stage, ...]
    abort_if: tuple[Expression, ...]
    min_requests: int

    def to_json(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "rollout": texts(self.rollout),
            "abort_if": texts(self.abort_if),
            "min_requests": self.min_requests,
        }


@dataclass(frozen=True)
class DriftSpec:
    """Either the `top` most important features, or named ones. A window lasts `over_ms`."""

    top: int | None
    features: tuple[str, ...]
    over_ms: int
    breach: Breach

    @property
    def key(self) -> str:
        return "drift(top)" if self.top else f"drift({', '.join(self.features)})"

    def to_json(self) -> dict[str, Any]:
        features = f"top {self.top}" if self.top else list(self.features)
        return {"features": features, "over": written(self.over_ms), "breach": self.breach.text}


@dataclass(frozen=True)
class MonitorSpec:
    drift: tuple[DriftSpec, ...] = ()
    quality: tuple[Expression, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return present(drift=[one.to_json() for one in self.drift], quality=texts(self.quality))


@dataclass(frozen=True)
class Reaction:
    """Exactly one of `event`, `older_ms` (the champion's age) and `schedule` is set. `do`: names of pipelines.

    `at_most` is None for a schedule, which is its own limit.
    """

    event: str | None
    older_ms: int | None
    schedule: Schedule | None
    do: tuple[str, ...]
    at_most: Repeat | None

    @property
    def trigger(self) -> str:
        if self.schedule:
            return f"every {self.schedule.text}"
        return self.event or f"champion older than {written(self.older_ms or 0)}"

    @property
    def key(self) -> str:
        """The identity: what starts it, without the age."""
        return "champion older than" if self.older_ms else self.trigger

    def to_json(self) -> dict[str, Any]:
        start = {"every": self.schedule.text} if self.schedule else {"when": self.trigger}
        return start | present(do=list(self.do), at_most=self.at_most.text if self.at_most else None)


@dataclass(frozen=True)
class EnvironmentSpec:
    name: str
    production: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"production": True} if self.production else {}


@dataclass(frozen=True)
class Spec:
    """One workspace's promises. Mappings keep the order of the file, in which environments are promoted."""

    workspace: str
    owner: Owner = Owner()
    risk: str = "limited"
    data: dict[str, DatasetSpec] = field(default_factory=dict)
    pipelines: dict[str, PipelineSpec] = field(default_factory=dict)
    model: ModelSpec | None = None
    serve: ServeSpec | None = None
    monitor: MonitorSpec = MonitorSpec()
    react: tuple[Reaction, ...] = ()
    environments: dict[str, EnvironmentSpec] = field(default_factory=dict)

    @property
    def labelled(self) -> DatasetSpec | None:
        """The one dataset with a label."""
        return next((dataset for dataset in self.data.values() if dataset.label), None)

    @property
    def production(self) -> str | None:
        """The name of the environment marked `production: true`."""
        return next((one.name for one in self.environments.values() if one.production), None)

    @property
    def digest(self) -> str:
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Canonical: defaults filled in, expressions in their one spelling, order kept where it means something."""
        return {"regie": 1, "workspace": self.workspace, "risk": self.risk} | present(
            owner=self.owner.to_json(),
            data={name: one.to_json() for name, one in self.data.items()},
            pipelines={name: one.to_json() for name, one in self.pipelines.items()},
            model=self.model.to_json() if self.model else None,
            serve=self.serve.to_json() if self.serve else None,
            monitor=self.monitor.to_json(),
            react=[one.to_json() for one in self.react],
            environments={name: one.to_json() for name, one in self.environments.items()},
        )


def present(**values: Any) -> dict[str, Any]:
    """Only what says something."""
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def texts(phrases: tuple[Any, ...]) -> list[str]:
    return [phrase.text for phrase in phrases]

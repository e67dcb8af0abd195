"""What a run is, and the limits that MLflow's clients know."""

import math
import posixpath
import re
from dataclasses import dataclass, field
from functools import lru_cache

from regie.base.errors import BadInput, Conflict

DEFAULT = "Default"
RUN_NAME, PARENT, KIND = "mlflow.runName", "mlflow.parentRunId", "regie.kind"
JUDGED = "judged."  # begins the metrics that the gates write to the run that made a version
ENDED = ("FINISHED", "FAILED", "KILLED")
STATUSES = ("RUNNING", "SCHEDULED", *ENDED)
# As stock MLflow, so that no client is surprised: longer values are silently cut.
PARAM_LENGTH, TAG_LENGTH, KEY_LENGTH = 6_000, 8_000, 250
MAX_METRICS, MAX_PARAMS, MAX_TAGS, MAX_ENTITIES = 1_000, 100, 100, 1_000
LARGEST = 1.7976931348623157e308
_INT64 = 1 << 63
_KEY = re.compile(r"[/\w.\- :]+")


class AlreadyExists(Conflict):
    """The name is taken."""

    code = "already_exists"


class ParamChanged(Conflict):
    """A parameter of a run is written once; nothing of the batch was kept."""

    code = "run.param_changed"


class RunDeleted(Conflict):
    """A deleted run takes no measurements."""

    code = "run.deleted"


@dataclass(frozen=True)
class Experiment:
    """A named set of runs."""

    id: str
    workspace: str
    name: str
    lifecycle: str
    created_wall_ms: int
    updated_wall_ms: int
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One execution. `key` is what measurements point to; `kind` is `pipeline`, `task` or empty."""

    key: int
    id: str
    workspace: str
    experiment_id: str
    kind: str
    user: str
    status: str
    start_wall_ms: int
    end_wall_ms: int | None
    lifecycle: str

    @property
    def root(self) -> str:
        """Where its artifacts lie."""
        return f"runs/{self.id}"


@dataclass(frozen=True)
class Metric:
    """One point; NaN is a value."""

    key: str
    value: float
    timestamp_wall_ms: int
    step: int


@dataclass
class RunData:
    """What a run measured: the latest point of each metric, parameters, tags, inputs, logged models."""

    metrics: list[Metric] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, str]] = field(default_factory=list)
    models: list[tuple[str, str, int]] = field(default_factory=list)  # direction, model id, step


@dataclass(frozen=True)
class LoggedModel:
    """A model folder that a run wrote, before anybody registers it."""

    id: str
    workspace: str
    experiment_id: str
    name: str
    type: str
    source_run_id: str
    status: int
    creator: str
    lifecycle: str
    created_wall_ms: int
    updated_wall_ms: int

    @property
    def root(self) -> str:
        """Where its artifacts lie."""
        return f"models/{self.id}"


def key_of(name: object, what: str) -> str:
    """A usable key of a metric, parameter or tag. Raises BadInput."""
    if not isinstance(name, str):
        raise BadInput(f"{name!r} is no key", what, "send text")
    return _key_of(name, what)


@lru_cache(10_000)  # the same few keys come again and again
def _key_of(name: str, what: str) -> str:
    if not _KEY.fullmatch(name):
        raise BadInput(f"{name!r} is no key", what, "letters, digits, and / _ . - : or a space")
    if len(name) > KEY_LENGTH:
        raise BadInput(f"the key {name[:40]}... has {len(name)} characters", what, f"at most {KEY_LENGTH}")
    normal = posixpath.normpath(name)
    if normal != name or normal == "." or normal.startswith(("..", "/")):
        raise BadInput(f"the key {name!r} is not a plain path", what, f"write {normal.lstrip('./')!r}")
    return name


def stored_value(value: float) -> tuple[float, bool]:
    """(value, is NaN): infinities are kept as the largest float, NaN as a mark."""
    if math.isnan(value):
        return 0.0, True
    return max(-LARGEST, min(LARGEST, value)), False


def int64(value: int, what: str) -> int:
    if not -_INT64 <= value < _INT64:
        raise BadInput(f"{value} does not fit 64 bits", what, "send a smaller number")
    return value

"""What is moved, as the wire says it. Times are milliseconds since 1970 UTC; values stay as they came, so that none is rounded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regie.client.mlflow.wire import number

Said = Mapping[str, Any]
Point = tuple[Any, Any, Any]  # step, timestamp, value
# As LoggedModelStatus of the wire; a server may answer the name or the number.
STATUSES = {"LOGGED_MODEL_PENDING": 1, "LOGGED_MODEL_READY": 2, "LOGGED_MODEL_UPLOAD_FAILED": 3}


@dataclass(frozen=True)
class Experiment:
    """A named set of runs."""

    id: str
    name: str
    active: bool
    created_ms: Any
    tags: dict[str, str]

    @classmethod
    def of(cls, said: Said) -> "Experiment":
        active = said.get("lifecycle_stage", "active") == "active"
        return cls(said["experiment_id"], said["name"], active, said.get("creation_time"), pairs(said.get("tags")))


@dataclass(frozen=True)
class Run:
    """One run, with the latest point of each metric; `reads` and `wrote` are logged models, the second by step."""

    id: str
    experiment_id: str
    name: str
    user: str
    status: str
    start_ms: Any
    end_ms: Any
    artifact_uri: str
    active: bool
    metrics: dict[str, Point]
    params: dict[str, str]
    tags: dict[str, str]
    inputs: list[Said]
    reads: list[str]
    wrote: dict[str, Any]

    @classmethod
    def of(cls, said: Said) -> "Run":
        info, data = said["info"], said.get("data") or {}
        came, went = said.get("inputs") or {}, said.get("outputs") or {}
        return cls(
            id=info.get("run_id") or info["run_uuid"], experiment_id=info["experiment_id"], name=info.get("run_name") or "",
            user=info.get("user_id") or "", status=info.get("status") or "RUNNING", start_ms=info.get("start_time"),
            end_ms=info.get("end_time") or None, artifact_uri=info.get("artifact_uri") or "",
            active=info.get("lifecycle_stage", "active") == "active",
            metrics={one["key"]: point(one) for one in data.get("metrics") or []},
            params=pairs(data.get("params")), tags=pairs(data.get("tags")), inputs=list(came.get("dataset_inputs") or []),
            reads=[one["model_id"] for one in came.get("model_inputs") or []],
            wrote={one["model_id"]: one.get("step", 0) for one in went.get("model_outputs") or []},
        )  # fmt: skip


@dataclass(frozen=True)
class LoggedModel:
    """A model folder of MLflow 3; `metrics` are all its points, as they came."""

    id: str
    experiment_id: str
    name: str
    type: str
    status: Any
    run_id: str
    created_ms: Any
    artifact_uri: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[Said]

    @classmethod
    def of(cls, said: Said) -> "LoggedModel":
        info, data = said["info"], said.get("data") or {}
        return cls(
            id=info["model_id"], experiment_id=info["experiment_id"], name=info.get("name") or "",
            type=info.get("model_type") or "",
            status=STATUSES.get(info.get("status"), info.get("status")), run_id=info.get("source_run_id") or "",
            created_ms=info.get("creation_timestamp_ms"),
            artifact_uri=info.get("artifact_uri") or "", tags=pairs(info.get("tags")), params=pairs(data.get("params")),
            metrics=list(data.get("metrics") or []),
        )  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A registered name."""

    name: str
    description: str
    tags: dict[str, str]
    aliases: dict[str, int]

    @classmethod
    def of(cls, said: Said) -> "Model":
        aliases = {one["alias"]: int(one["version"]) for one in said.get("aliases") or []}
        return cls(said["name"], said.get("description") or "", pairs(said.get("tags")), aliases)


@dataclass(frozen=True)
class Version:
    """One registered version."""

    name: str
    number: int
    source: str
    run_id: str
    run_link: str
    status: str
    stage: str
    description: str
    created_ms: Any
    tags: dict[str, str]

    @classmethod
    def of(cls, said: Said) -> "Version":
        return cls(
            name=said["name"], number=int(said["version"]), source=said.get("source") or "", run_id=said.get("run_id") or "",
            run_link=said.get("run_link") or "", status=said.get("status") or "READY", stage=said.get("current_stage") or "None",
            description=said.get("description") or "", created_ms=said.get("creation_timestamp"), tags=pairs(said.get("tags")),
        )  # fmt: skip

    @property
    def subject(self) -> str:
        return f"{self.name}@{self.number}"


def point(said: Said) -> Point:
    return said.get("step") or 0, said["timestamp"], number(said.get("value"))


def pairs(said: Iterable[Said] | None) -> dict[str, str]:
    return {one["key"]: one.get("value") or "" for one in said or []}


def listed(said: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in said.items()]

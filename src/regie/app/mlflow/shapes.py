"""Our rows as MLflow's JSON."""

from typing import Any

from regie.app.caller import DEFAULT, PERSONAL
from regie.app.mlflow.call import present, shown
from regie.registry.types import Model, Version
from regie.tracking.search import ARTIFACTS
from regie.tracking.types import RUN_NAME, Experiment, LoggedModel, Metric, Run, RunData

LOGGED_MODEL_STATUSES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}


def tags(found: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in found.items()]


def experiment(one: Experiment) -> dict[str, Any]:
    return present(
        experiment_id=one.id, name=one.name, artifact_location=f"{ARTIFACTS}experiments/{one.id}", lifecycle_stage=one.lifecycle,
        last_update_time=one.updated_wall_ms, creation_time=one.created_wall_ms, tags=tags(one.tags),
        workspace=DEFAULT if one.workspace == PERSONAL else one.workspace,
    )  # fmt: skip


def run_info(one: Run, name: str) -> dict[str, Any]:
    return present(
        run_id=one.id, run_uuid=one.id, run_name=name, experiment_id=one.experiment_id, user_id=one.user, status=one.status,
        start_time=one.start_wall_ms, end_time=one.end_wall_ms, artifact_uri=ARTIFACTS + one.root, lifecycle_stage=one.lifecycle,
    )  # fmt: skip


def run(one: Run, data: RunData) -> dict[str, Any]:
    inputs = [{"tags": tags(found["tags"]), "dataset": _dataset(found)} for found in data.inputs]  # type: ignore[arg-type]
    read = [{"model_id": model_id} for direction, model_id, _ in data.models if direction == "input"]
    wrote = [{"model_id": model_id, "step": step} for direction, model_id, step in data.models if direction == "output"]
    return {
        "info": run_info(one, data.tags.get(RUN_NAME, "")),
        "data": present(metrics=[metric(point) for point in data.metrics], params=tags(data.params), tags=tags(data.tags)),
        "inputs": present(dataset_inputs=inputs, model_inputs=read),
        **({"outputs": {"model_outputs": wrote}} if wrote else {}),
    }


def _dataset(found: dict[str, str]) -> dict[str, str]:
    said = {name: found[name] for name in ("name", "digest", "source_type", "source")}
    return said | {name: found[name] for name in ("schema", "profile") if found[name]}


def metric(point: Metric) -> dict[str, Any]:
    return {"key": point.key, "value": shown(point.value), "timestamp": point.timestamp_wall_ms, "step": point.step}


def logged_model(one: LoggedModel, data: dict[str, list[Any]]) -> dict[str, Any]:
    info = present(
        model_id=one.id, experiment_id=one.experiment_id, name=one.name, creation_timestamp_ms=one.created_wall_ms,
        last_updated_timestamp_ms=one.updated_wall_ms, artifact_uri=ARTIFACTS + one.root,
        status=LOGGED_MODEL_STATUSES[one.status], model_type=one.type, source_run_id=one.source_run_id,
        tags=[{"key": row.key, "value": row.value} for row in data["tags"]],
    )  # fmt: skip
    points = [
        present(
            key=row.key, value="NaN" if row.is_nan else row.value, timestamp=row.timestamp_wall_ms, step=row.step, model_id=one.id,
            run_id=row.run_id, dataset_name=row.dataset_name or None, dataset_digest=row.dataset_digest or None,
        )
        for row in data["metrics"]
    ]  # fmt: skip
    params = [{"key": row.key, "value": row.value} for row in data["params"]]
    return {"info": info, "data": present(params=params, metrics=points)}


def version(one: Version, said: dict[str, str], aliases: list[str]) -> dict[str, Any]:
    return present(
        name=one.name, version=str(one.version), creation_timestamp=one.created_ms, last_updated_timestamp=one.updated_ms,
        user_id=one.user, current_stage=one.stage, description=one.description, source=one.source, run_id=one.run_id,
        status=one.status, run_link=one.run_link or None, tags=tags(said), aliases=aliases,
    )  # fmt: skip


def model(one: Model, latest: list[dict[str, Any]]) -> dict[str, Any]:
    aliases = [{"alias": alias, "version": str(number)} for alias, number in sorted(one.aliases.items())]
    return present(
        name=one.name, creation_timestamp=one.created_ms, last_updated_timestamp=one.updated_ms, user_id=one.user,
        description=one.description, latest_versions=latest, tags=tags(one.tags), aliases=aliases,
    )  # fmt: skip

"""What each route asks, literally: the action that its caller must be able to do, or PUBLIC.

The doors (`app/doors.py`) ask it before anything of a request is read; what the route then does asks again, with its target. An
application whose routes are not exactly these is not made: a route without a line here does not exist.
"""

from collections.abc import Mapping

from regie.app.mlflow.routes import PREFIXES

PUBLIC = "public"
Routes = Mapping[tuple[str, str], str]

OWN: Routes = {
    ("GET", "/health"): PUBLIC,
    ("GET", "/api/openapi.json"): PUBLIC,
    ("GET", "/api/docs"): PUBLIC,
    ("GET", "/docs/oauth2-redirect"): PUBLIC,
    ("GET", "/redoc"): PUBLIC,
    ("GET", "/api/v1/info"): "home.read",
    ("POST", "/api/v1/audit/verify"): "audit.read",
    ("GET", "/api/v1/audit/anchor"): "audit.anchor",
    ("GET", "/api/v1/audit/records"): "audit.read",
    ("GET", "/api/v1/events"): "event.read",
    ("GET", "/api/v1/jobs"): "job.read",
    ("GET", "/api/v1/jobs/{job_id}"): "job.read",
    ("GET", "/api/v1/actors"): "actor.read",
    ("POST", "/api/v1/actors"): "actor.add",
    ("POST", "/api/v1/actors/{name}/revoke"): "actor.revoke",
    ("POST", "/api/v1/actors/{name}/tokens"): "token.create",
    ("POST", "/api/v1/actors/{name}/tokens/revoke"): "token.revoke",
    ("GET", "/api/v1/workspaces"): "workspace.read",
    ("GET", "/api/v1/spec"): "spec.read",
    ("PUT", "/api/v1/spec"): "spec.apply",
    ("GET", "/api/v1/status"): "status.read",
    ("GET", "/api/v1/why"): "why.read",
    ("POST", "/api/v1/pipelines/{name}/runs"): "pipeline.run",
    ("GET", "/api/v1/pipelines"): "pipeline.read",
    ("GET", "/api/v1/runs"): "run.read",
    ("GET", "/api/v1/runs/{run_id}"): "run.read",
    ("POST", "/api/v1/runs/{run_id}/cancel"): "run.cancel",
    ("GET", "/api/v1/runs/{run_id}/logs"): "run.read",
    ("GET", "/api/v1/models"): "model.read",
    ("GET", "/api/v1/models/{name}"): "model.read",
    ("GET", "/api/v1/models/{name}/rollback"): "model.read",
    ("POST", "/api/v1/models/{name}/rollback"): "model.rollback",
    ("GET", "/api/v1/monitors"): "monitor.read",
    ("GET", "/api/v1/breaches"): "monitor.read",
    ("GET", "/api/v1/rollouts"): "rollout.read",
    ("GET", "/api/v1/rollouts/{rollout_id}"): "rollout.read",
    ("POST", "/api/v1/rollouts/{rollout_id}/pause"): "rollout.pause",
    ("POST", "/api/v1/rollouts/{rollout_id}/resume"): "rollout.resume",
    ("POST", "/api/v1/rollouts/{rollout_id}/abort"): "rollout.abort",
    ("GET", "/api/v1/approvals"): "approval.read",
    ("GET", "/api/v1/approvals/{version}"): "approval.read",
    ("POST", "/api/v1/approvals/{version}/grant"): "approval.grant",
    ("POST", "/api/v1/approvals/{version}/refuse"): "approval.refuse",
    ("GET", "/api/v1/datasets"): "dataset.read",
    ("GET", "/api/v1/datasets/{name}"): "dataset.read",
    ("POST", "/api/v1/datasets/{name}/labels"): "label.state",
    ("GET", "/api/v1/snapshots"): "dataset.read",
    ("POST", "/api/v1/labels"): "label.state",
    ("GET", "/api/v1/clock"): "clock.read",
    ("POST", "/api/v1/clock/advance"): "clock.advance",
    ("POST", "/api/v1/nodes/{node}/sync"): "node.sync",
    ("POST", "/api/v1/nodes/{node}/segments/{segment}"): "node.sync",
    ("POST", "/api/v1/nodes/{node}/refusals"): "node.sync",
    ("GET", "/api/v1/packages/{digest}"): "blob.read",
    ("GET", "/api/v1/blobs/{digest}"): "blob.read",
    ("PUT", "/api/v1/blobs/{digest}"): "blob.put",
}

# The MLflow wire, below each of its prefixes. What measures is data of a run; what changes a model is a change.
_MLFLOW: Routes = {
    ("POST", "/experiments/create"): "experiment.create",
    ("GET", "/experiments/get"): "experiment.read",
    ("GET", "/experiments/get-by-name"): "experiment.read",
    ("POST", "/experiments/update"): "experiment.change",
    ("POST", "/experiments/delete"): "experiment.change",
    ("POST", "/experiments/restore"): "experiment.change",
    ("POST", "/experiments/set-experiment-tag"): "experiment.change",
    ("POST", "/experiments/delete-experiment-tag"): "experiment.change",
    ("GET", "/experiments/search"): "experiment.read",
    ("POST", "/experiments/search"): "experiment.read",
    ("GET", "/experiments/search-datasets"): "experiment.read",
    ("POST", "/experiments/search-datasets"): "experiment.read",
    ("POST", "/runs/create"): "run.create",
    ("GET", "/runs/get"): "run.read",
    ("POST", "/runs/update"): "run.change",
    ("POST", "/runs/delete"): "run.delete",
    ("POST", "/runs/restore"): "run.delete",
    ("POST", "/runs/search"): "run.read",
    ("POST", "/runs/log-inputs"): "run.measure",
    ("POST", "/runs/outputs"): "run.measure",
    ("POST", "/runs/log-metric"): "run.measure",
    ("POST", "/runs/log-parameter"): "run.measure",
    ("POST", "/runs/log-batch"): "run.measure",
    ("POST", "/runs/set-tag"): "run.measure",
    ("POST", "/runs/delete-tag"): "run.measure",
    ("GET", "/metrics/get-history"): "run.read",
    ("GET", "/metrics/get-history-bulk"): "run.read",
    ("GET", "/metrics/get-history-bulk-interval"): "run.read",
    ("GET", "/artifacts/list"): "run.read",
    ("GET", "/logged-models/{model_id}/artifacts/directories"): "run.read",
    ("POST", "/logged-models"): "run.change",
    ("POST", "/logged-models/search"): "experiment.read",
    ("GET", "/logged-models/{model_id}"): "run.read",
    ("PATCH", "/logged-models/{model_id}"): "run.change",
    ("DELETE", "/logged-models/{model_id}"): "run.delete",
    ("PATCH", "/logged-models/{model_id}/tags"): "run.measure",
    ("DELETE", "/logged-models/{model_id}/tags/{key:path}"): "run.measure",
    ("POST", "/logged-models/{model_id}/params"): "run.measure",
    ("POST", "/registered-models/create"): "model.register",
    ("GET", "/registered-models/get"): "model.read",
    ("PATCH", "/registered-models/update"): "model.change",
    ("POST", "/registered-models/rename"): "model.change",
    ("DELETE", "/registered-models/delete"): "model.change",
    ("GET", "/registered-models/search"): "model.read",
    ("POST", "/registered-models/set-tag"): "model.change",
    ("DELETE", "/registered-models/delete-tag"): "model.change",
    ("GET", "/registered-models/get-latest-versions"): "model.read",
    ("POST", "/registered-models/get-latest-versions"): "model.read",
    ("POST", "/registered-models/alias"): "model.change",
    ("DELETE", "/registered-models/alias"): "model.change",
    ("GET", "/registered-models/alias"): "model.read",
    ("POST", "/model-versions/create"): "model.register",
    ("GET", "/model-versions/get"): "model.read",
    ("PATCH", "/model-versions/update"): "version.change",
    ("DELETE", "/model-versions/delete"): "version.change",
    ("GET", "/model-versions/search"): "model.read",
    ("POST", "/model-versions/set-tag"): "version.change",
    ("DELETE", "/model-versions/delete-tag"): "version.change",
    ("GET", "/model-versions/get-download-uri"): "model.read",
    ("POST", "/model-versions/transition-stage"): "version.change",
}
_FILES: Routes = {
    ("GET", "/mlflow-artifacts/artifacts"): "run.read",
    ("GET", "/mlflow-artifacts/artifacts/{path:path}"): "run.read",
    ("PUT", "/mlflow-artifacts/artifacts/{path:path}"): "run.measure",
    ("DELETE", "/mlflow-artifacts/artifacts/{path:path}"): "run.measure",
}
_REST = (
    "/api/{number}/mlflow",
    "/ajax-api/{number}/mlflow",
    "/api/{number}/mlflow-artifacts",
    "/ajax-api/{number}/mlflow-artifacts",
)

WIRE: Routes = {
    ("GET", "/version"): PUBLIC,
    ("GET", "/api/3.0/mlflow/server-info"): "server.read",
    ("GET", "/ajax-api/3.0/mlflow/server-info"): "server.read",
    **{(method, prefix + path): action for prefix in PREFIXES for (method, path), action in _MLFLOW.items()},
    **{(method, f"/{api}/2.0{path}"): action for api in ("api", "ajax-api") for (method, path), action in _FILES.items()},
    ("GET", "/get-artifact"): "run.read",
    ("GET", "/model-versions/get-artifact"): "model.read",
    # What MLflow has and we do not: 501 with its name.
    **{
        (method, f"{path}/{{path:path}}"): "server.read" for path in _REST for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    ("POST", "/v1/traces"): "server.read",
}

ROUTES: Routes = {**OWN, **WIRE}

# What leads a version to its users, or says who may lead it there: here also what is refused for another reason than a missing
# right (a stale approval, a name that is taken, a forged digest) is audited.
WATCHED = frozenset(
    {
        "actor.add", "actor.revoke", "token.create", "token.revoke", "spec.apply", "clock.advance", "model.register", "model.change",
        "version.change", "model.rollback", "rollout.pause", "rollout.resume", "rollout.abort", "approval.grant", "approval.refuse",
        "label.state", "node.sync", "blob.put",
    }
)  # fmt: skip

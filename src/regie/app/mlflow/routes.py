"""Every router of the wire, literally. What MLflow has and we do not answers 501 with its name."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import PlainTextResponse

from regie.app.caller import Caller
from regie.app.mlflow import artifacts, experiments, logged_models, measurements, models, runs, versions
from regie.app.mlflow.call import WireRoute
from regie.base.errors import NotThereYet

# What the client asks for before it uses what came with a version: the wire is that of this one.
VERSION = "3.17.2"
AREAS = (
    experiments.router,
    runs.router,
    measurements.router,
    artifacts.router,
    logged_models.router,
    models.router,
    versions.router,
)
PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

system = APIRouter(route_class=WireRoute)


@system.get("/version")
def version() -> PlainTextResponse:
    return PlainTextResponse(VERSION)


@system.get("/api/3.0/mlflow/server-info")
@system.get("/ajax-api/3.0/mlflow/server-info")
def server_info(caller: Caller) -> dict[str, Any]:
    caller.may("server.read", "server-info")
    return {
        "store_type": "SqlStore", "workspaces_enabled": False, "trace_archival_enabled": False,
        "multipart_uploads_enabled": False, "multipart_downloads_enabled": False,
    }  # fmt: skip


rest = APIRouter(route_class=WireRoute)


@rest.api_route("/api/{number}/mlflow/{path:path}", methods=METHODS)
@rest.api_route("/ajax-api/{number}/mlflow/{path:path}", methods=METHODS)
@rest.api_route("/api/{number}/mlflow-artifacts/{path:path}", methods=METHODS)
@rest.api_route("/ajax-api/{number}/mlflow-artifacts/{path:path}", methods=METHODS)
@rest.api_route("/v1/traces", methods=["POST"])
def unknown(request: Request) -> None:
    raise NotThereYet(
        f"{request.method} {request.url.path} is not there yet", request.url.path, "see the status table in the README"
    )


def routers() -> list[APIRouter]:
    """The routers in the order in which they must be included: the last one catches what the others do not know."""
    found = [system]
    for prefix in PREFIXES:
        for area in AREAS:
            under = APIRouter(prefix=prefix, route_class=WireRoute)
            under.include_router(area)
            found.append(under)
    for prefix in ("/api/2.0", "/ajax-api/2.0"):
        under = APIRouter(prefix=prefix, route_class=WireRoute)
        under.include_router(artifacts.proxy)
        found.append(under)
    pages = APIRouter(route_class=WireRoute)
    pages.include_router(artifacts.pages)
    return [*found, pages, rest]


def install(app: FastAPI) -> None:
    """Put the wire into an application; its errors stay its own."""
    for router in routers():
        app.include_router(router, include_in_schema=False)

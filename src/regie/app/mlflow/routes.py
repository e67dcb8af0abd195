"""Every router of the wire, literally. What MLflow has and we do not answers 501 with its name."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import iter_route_contexts

from regie.app.caller import Caller
from regie.app.mlflow import (
    artifacts,
    assessments,
    experiments,
    histories,
    logged_models,
    measurements,
    models,
    old_traces,
    parts,
    run_search,
    runs,
    traces,
    versions,
    workspaces,
)
from regie.app.mlflow.call import WireRoute
from regie.base.errors import NotThereYet

# What the client asks for before it uses what came with a version: the wire is that of this one.
VERSION = "3.17.2"
AREAS = (
    experiments.router,
    runs.router,
    run_search.router,
    measurements.router,
    histories.router,
    artifacts.router,
    logged_models.router,
    models.router,
    versions.router,
    traces.both,
    traces.linking,
    old_traces.router,
)
AREAS_3 = (workspaces.router, traces.both, traces.router, assessments.router)
PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
PREFIXES_3 = ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow")
# Below these, what no other route knows answers 501 with its name.
UNKNOWN = (
    "/api/{number}/mlflow/{path:path}", "/ajax-api/{number}/mlflow/{path:path}", "/api/{number}/mlflow-artifacts/{path:path}",
    "/ajax-api/{number}/mlflow-artifacts/{path:path}", "/api/{number}/unity-catalog/{path:path}", "/api/{number}/fs/{path:path}",
    "/ajax-api/{number}/jobs/{path:path}", "/gateway/{path:path}", "/graphql",
)  # fmt: skip
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
        "store_type": "SqlStore", "workspaces_enabled": True, "trace_archival_enabled": False,
        "multipart_uploads_enabled": False, "multipart_downloads_enabled": False,
    }  # fmt: skip


rest = APIRouter(route_class=WireRoute)


def unknown(request: Request) -> Response:
    """501 with its name; 405 where another method of the same path is there."""
    path = request.url.path
    same = (one for one in iter_route_contexts(request.app.routes) if one.path == path and path not in UNKNOWN)
    others = sorted({method for one in same for method in one.methods or ()})
    if not others or request.method in others:
        raise NotThereYet(f"{request.method} {path} is not there yet", path, "docs/mlflow.md lists what is")
    said = {"error_code": "BAD_REQUEST", "message": f"{request.method} {path} is no call: send {' or '.join(others)}"}
    return JSONResponse(said, status_code=405, headers={"Allow": ", ".join(others)})


for pattern in UNKNOWN:
    rest.add_api_route(pattern, unknown, methods=METHODS)


def routers() -> list[APIRouter]:
    """The routers in the order in which they must be included: the last one catches what the others do not know."""
    found = [system]
    for prefix in PREFIXES:
        for area in AREAS:
            under = APIRouter(prefix=prefix, route_class=WireRoute)
            under.include_router(area)
            found.append(under)
    for prefix in PREFIXES_3:
        for area in AREAS_3:
            under = APIRouter(prefix=prefix, route_class=WireRoute)
            under.include_router(area)
            found.append(under)
    for prefix in ("/api/2.0", "/ajax-api/2.0"):
        under = APIRouter(prefix=prefix, route_class=WireRoute)
        under.include_router(artifacts.proxy)
        under.include_router(parts.parts)
        found.append(under)
    pages = APIRouter(route_class=WireRoute)
    pages.include_router(artifacts.pages)
    pages.include_router(traces.spans)
    return [*found, pages, rest]


def install(app: FastAPI) -> None:
    """Put the wire into an application; its errors stay its own."""
    for router in routers():
        app.include_router(router, include_in_schema=False)

"""`model-versions/...`"""

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection

from regie.app.mlflow import paging, policy, shapes, sources
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, ours
from regie.base.errors import BadInput, NotThereYet
from regie.registry import changes, queries, search
from regie.registry.types import CHALLENGER, Version
from regie.tracking.filter import parse, parse_orders
from regie.tracking.grammars import VERSIONS
from regie.tracking.search import ARTIFACTS

router = APIRouter(route_class=WireRoute)
MAX_VERSIONS = 200_000
ACTIVE = ("Staging", "Production")
STAGES = {stage.lower(): stage for stage in ("None", "Staging", "Production", "Archived")}


def stage(said: str) -> str:
    """One of MLflow's stages, however its letters are written. Raises BadInput."""
    found = STAGES.get(said.lower())
    if found is None:
        raise BadInput(f"Invalid Model Version stage: {said}", "stage", "write one of " + ", ".join(STAGES.values()))
    return found


def shown(db: Connection, workspace: str, found: list[Version]) -> list[dict[str, Any]]:
    if not found:
        return []
    tags = queries.tags_of(db, workspace, found)
    aliases = queries.aliases_of(db, workspace, {one.name for one in found})
    return [shapes.version(one, tags[one.name, one.version], aliases[one.name, one.version]) for one in found]


@router.post("/model-versions/create")
def create(call: Wire) -> dict[str, Any]:
    """A version of a served model goes through the gates like any other: it is a challenger, never more."""
    name, run_id = call.text("name"), call.optional("run_id") or ""
    call.caller.may("model.register", name)
    tags = call.pairs("tags")
    if tags.get(search.IS_PROMPT) == "true":
        raise NotThereYet("versions of prompts are not there yet", "tags", "docs/mlflow.md lists what is")
    with call.caller.store.read() as db:
        origin = sources.origin(db, call.workspace, call.text("source"), run_id, call.optional("model_id") or "")
        promised = policy.served(db, call.workspace, name)
    package = sources.pin(call.caller.store, call.workspace, origin)
    if promised is not None and not package:
        raise BadInput(
            f"the files of {origin.source} are not here, and {name} is served", "source", "log the model here, then register it"
        )
    policy.package(call.caller, name, package)
    with call.caller.change("model.register", name, f"{name} from {origin.source}") as tx:
        competes = {"role": CHALLENGER, "seen_until_ms": tx.now_ms} if promised is not None else {}
        number = changes.register(
            tx, name, source=origin.source, run_id=origin.run_id, package=package, tags=tags,
            description=call.optional("description") or "", logged_model_id=origin.model_id,
            run_link=call.optional("run_link") or "", **competes,  # type: ignore[arg-type]
        )  # fmt: skip
    return _answer(call, name, number)


def _answer(call: Call, name: str, number: int) -> dict[str, Any]:
    with call.caller.store.read() as db:
        return {"model_version": shown(db, call.workspace, [queries.version(db, call.workspace, name, number)])[0]}


def _named(call: Call) -> tuple[str, int]:
    name, said = call.text("name"), call.said.get("version")
    if isinstance(said, str) and not said.isdecimal():
        raise BadInput(f"Invalid value {said!r} for parameter 'version'", "version", "send the number of a version")
    return name, integer(said, "version")


@router.get("/model-versions/get")
def get(call: Wire) -> dict[str, Any]:
    name, number = _named(call)
    call.caller.may("model.read", name)
    return _answer(call, name, number)


@router.patch("/model-versions/update")
def update(call: Wire) -> dict[str, Any]:
    name, number = _named(call)
    policy.words(call.caller, name, number)
    with call.caller.change("version.change", f"{name}@{number}", "description") as tx:
        changes.change_version(tx, name, number, description=call.optional("description") or "")
    return _answer(call, name, number)


@router.delete("/model-versions/delete")
def delete(call: Wire) -> dict[str, Any]:
    name, number = _named(call)
    policy.version(call.caller, name, number)
    with call.caller.change("version.change", f"{name}@{number}", "deleted") as tx:
        changes.delete_version(tx, name, number)
    return {}


@router.get("/model-versions/search")
def find(call: Wire) -> dict[str, Any]:
    page = paging.asked(call, 10_000, MAX_VERSIONS)
    clauses, orders = parse(call.optional("filter"), VERSIONS), parse_orders(call.texts("order_by"), VERSIONS)
    with call.caller.read("model.read", call.workspace) as db:
        found = search.versions(db, call.workspace, clauses, orders, page.window)
        return paging.shown("model_versions", shown(db, call.workspace, found.found), page, found.next)


@router.post("/model-versions/set-tag")
def set_tag(call: Wire) -> dict[str, Any]:
    return _tag(call, call.optional("value") or "")


@router.delete("/model-versions/delete-tag")
def delete_tag(call: Wire) -> dict[str, Any]:
    return _tag(call, None)


def _tag(call: Call, value: str | None) -> dict[str, Any]:
    (name, number), key = _named(call), ours(call.text("key"))
    with call.caller.change("version.change", f"{name}@{number}", f"tag {key}") as tx:
        changes.set_version_tag(tx, name, number, key, value)
    return {}


@router.get("/model-versions/get-download-uri")
def download_uri(call: Wire) -> dict[str, Any]:
    name, number = _named(call)
    with call.caller.read("model.read", name) as db:
        found = queries.version(db, call.workspace, name, number)
        if found.package:
            return {"artifact_uri": f"{ARTIFACTS}packages/{found.package.removeprefix('sha256:')}"}
        origin = sources.origin(db, call.workspace, found.source, found.run_id, found.logged_model_id)
    if origin.place is None:
        return {"artifact_uri": found.source}
    return {"artifact_uri": f"{ARTIFACTS}{origin.place.root}/{origin.place.path}".rstrip("/")}


@router.post("/model-versions/transition-stage")
def transition(call: Wire) -> dict[str, Any]:
    """MLflow's deprecated stages: free words of an unserved model, refused on a served one."""
    name, number = _named(call)
    policy.model(call.caller, name, "staged")
    wanted, archive = stage(call.text("stage")), call.said.get("archive_existing_versions") or False
    if archive not in (False, True, "true", "false"):
        raise BadInput(f"Invalid value {archive!r} for parameter 'archive_existing_versions'", "stage", "send true or false")
    if archive in (True, "true") and wanted not in ACTIVE:
        raise BadInput(
            f"archive_existing_versions does not go with the stage {wanted}", "stage", f"it goes with {' and '.join(ACTIVE)}"
        )
    with call.caller.change("version.change", f"{name}@{number}", f"stage {wanted}") as tx:
        if archive in (True, "true"):
            for one in queries.versions(tx.connection, call.workspace, name):
                if one.stage == wanted and one.version != number:
                    changes.change_version(tx, name, one.version, stage="Archived")
        changes.change_version(tx, name, number, stage=wanted)
    return _answer(call, name, number)

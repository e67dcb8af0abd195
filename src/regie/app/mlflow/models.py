"""`registered-models/...`"""

import re
from collections import defaultdict
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection

from regie.app.mlflow import paging, policy, shapes, versions
from regie.app.mlflow.call import Call, Wire, WireRoute, ours, present
from regie.base.errors import BadInput
from regie.registry import changes, queries, search
from regie.registry.types import CHALLENGER, CHAMPION, Model
from regie.tracking.filter import parse, parse_orders
from regie.tracking.grammars import MODELS

router = APIRouter(route_class=WireRoute)
MAX_MODELS = 1000
_ALIAS = re.compile(r"[\w-]{1,255}")
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


@router.post("/registered-models/create")
def create(call: Wire) -> dict[str, Any]:
    name = call.text("name")
    with call.caller.change("model.register", name) as tx:
        changes.create_model(tx, name, call.optional("description") or "", call.pairs("tags"))
    return _answer(call, name)


def _answer(call: Call, name: str, workspace: str | None = None) -> dict[str, Any]:
    where = workspace or call.workspace
    with call.caller.store.read() as db:
        return {"registered_model": _shown(db, [queries.model(db, where, name)])[0]}


def _shown(db: Connection, found: list[Model]) -> list[dict[str, Any]]:
    if not found:
        return []
    latest: dict[str, list[dict[str, Any]]] = defaultdict(list)
    newest = queries.latest(db, found[0].workspace, [one.name for one in found])
    for one, shown in zip(newest, versions.shown(db, found[0].workspace, newest), strict=True):
        latest[one.name].append(shown)
    return [shapes.model(one, latest[one.name]) for one in found]


@router.get("/registered-models/get")
def get(call: Wire) -> dict[str, Any]:
    name = call.text("name")
    call.caller.may("model.read", name)
    with call.caller.store.read() as db:
        # The client looks at a model before it touches it. At the root, what another workspace serves is shown, so that the touch
        # that follows meets the policy's answer and its way, not a model that seems to be missing.
        elsewhere = policy.elsewhere(db, call.workspace, name)
    return _answer(call, name, elsewhere)


@router.patch("/registered-models/update")
def update(call: Wire) -> dict[str, Any]:
    name = call.text("name")
    with call.caller.change("model.change", name, "description") as tx:
        changes.change_model(tx, name, call.optional("description") or "")
    return _answer(call, name)


@router.post("/registered-models/rename")
def rename(call: Wire) -> dict[str, Any]:
    name, new_name = call.text("name"), call.text("new_name")
    policy.model(call.caller, name, "renamed")
    policy.model(call.caller, new_name, "replaced")
    with call.caller.change("model.change", name, f"renamed to {new_name}") as tx:
        changes.rename_model(tx, name, new_name)
    return _answer(call, new_name)


@router.delete("/registered-models/delete")
def delete(call: Wire) -> dict[str, Any]:
    name = call.text("name")
    policy.model(call.caller, name, "deleted")
    with call.caller.change("model.change", name, "deleted") as tx:
        changes.delete_model(tx, name)
    return {}


@router.get("/registered-models/search")
def find(call: Wire) -> dict[str, Any]:
    page = paging.asked(call, 100, MAX_MODELS)
    clauses, orders = parse(call.optional("filter"), MODELS), parse_orders(call.texts("order_by"), MODELS)
    with call.caller.read("model.read", call.workspace) as db:
        found = search.models(db, call.workspace, clauses, orders, page.window)
        return paging.shown("registered_models", _shown(db, found.found), page, found.next)


@router.post("/registered-models/set-tag")
def set_tag(call: Wire) -> dict[str, Any]:
    return _tag(call, call.optional("value") or "")


@router.delete("/registered-models/delete-tag")
def delete_tag(call: Wire) -> dict[str, Any]:
    return _tag(call, None)


def _tag(call: Call, value: str | None) -> dict[str, Any]:
    name, key = call.text("name"), ours(call.text("key"))
    with call.caller.change("model.change", name, f"tag {key}") as tx:
        changes.set_model_tag(tx, name, key, value)
    return {}


@router.api_route("/registered-models/get-latest-versions", methods=["GET", "POST"])
def latest(call: Wire) -> dict[str, Any]:
    """The newest version of each stage that is named, of every stage where none is."""
    name, stages = call.text("name"), [versions.stage(said) for said in call.texts("stages")]
    with call.caller.read("model.read", name) as db:
        queries.model(db, call.workspace, name)
        found = [one for one in queries.latest(db, call.workspace, [name]) if not stages or one.stage in stages]
        return present(model_versions=versions.shown(db, call.workspace, found))


@router.post("/registered-models/alias")
def set_alias(call: Wire) -> dict[str, Any]:
    name, alias = call.text("name"), call.text("alias")
    policy.alias(call.caller, name, alias)
    if not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias):
        raise BadInput(f"{alias!r} cannot be an alias", "alias", "letters, digits, _ and -; latest and v1 are reserved")
    with call.caller.change("model.change", name, f"alias {alias}") as tx:
        changes.set_alias(tx, name, alias, call.integer("version"))
    return {}


@router.delete("/registered-models/alias")
def delete_alias(call: Wire) -> dict[str, Any]:
    name, alias = call.text("name"), call.text("alias")
    policy.alias(call.caller, name, alias)
    if not _ALIAS.fullmatch(alias):
        raise BadInput(f"{alias!r} cannot be an alias", "alias", "letters, digits, _ and -")
    with call.caller.change("model.change", name, f"alias {alias} deleted") as tx:
        changes.set_alias(tx, name, alias, None)
    return {}


@router.get("/registered-models/alias")
def by_alias(call: Wire) -> dict[str, Any]:
    """`champion` and `challenger` of a served model answer what is so."""
    name, alias = call.text("name"), call.text("alias")
    with call.caller.read("model.read", name) as db:
        found = queries.model(db, call.workspace, name)
        number = found.aliases.get(alias)
        if number is None and alias.lower() == "latest":
            number = max((one.version for one in queries.versions(db, call.workspace, name)), default=None)
        if number is None:
            fact = alias in (CHAMPION, CHALLENGER) and policy.served(db, call.workspace, name) is not None
            do = f"no version is {alias} yet: regie status" if fact else "set it first"
            raise BadInput(f"Registered model alias {alias} not found", name, do)
        return {"model_version": versions.shown(db, call.workspace, [queries.version(db, call.workspace, name, number)])[0]}

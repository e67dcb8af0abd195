"""Datasets, their contracts and snapshots."""

from typing import Any

from fastapi import APIRouter, Request

from regie.app.api.status import scene_of
from regie.app.caller import Caller, Count
from regie.base.errors import NotFound
from regie.data import queries
from regie.loop.scene import Scene

router = APIRouter()


@router.get("/api/v1/datasets")
def datasets(caller: Caller, request: Request) -> list[dict[str, Any]]:
    here = scene_of(caller, request)
    with caller.read("dataset.read", caller.workspace) as db:
        newest = {name: queries.snapshots(db, caller.workspace, name, limit=1) for name in here.spec.data}
    return [
        {"name": name, **one.to_json(), "snapshot": newest[name][0] if newest[name] else None}
        for name, one in here.spec.data.items()
    ]


@router.get("/api/v1/datasets/{name}")
def dataset(name: str, caller: Caller, request: Request) -> dict[str, Any]:
    here = scene_of(caller, request)
    if name not in here.spec.data:
        raise _unknown(name, here)
    return {"name": name, **here.spec.data[name].to_json(), "snapshots": snapshots(caller, name)}


@router.post("/api/v1/datasets/{name}/labels")
def state_labels(name: str, caller: Caller, request: Request) -> dict[str, int]:
    """State what the mature rows of the dataset say, of that what is new or has changed: `{stated, revised, unchanged}`."""
    from regie.data import label_source  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    here = scene_of(caller, request)
    caller.may("label.state", caller.workspace)
    if name not in here.spec.data:
        raise _unknown(name, here)
    return label_source.state(caller.store, caller.workspace, name, here.spec, here.root, here.now_ms()).to_json()


@router.get("/api/v1/snapshots")
def snapshots(caller: Caller, dataset: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    with caller.read("dataset.read", caller.workspace) as db:
        return queries.snapshots(db, caller.workspace, dataset, limit)


def _unknown(name: str, here: Scene) -> NotFound:
    return NotFound(f"there is no dataset {name}", here.workspace, f"one of {', '.join(here.spec.data) or 'none'}")

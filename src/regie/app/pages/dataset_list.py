"""The datasets of a workspace: what each promises, and whether its newest snapshot keeps it."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Act, Shown, Why, act
from regie.data import queries
from regie.loop.scene import scene
from regie.spec.document import DatasetSpec

router = APIRouter()


class SnapshotLine(Shown):
    """One snapshot in a list; `broken`: how many rules of the contract it breaks. `from_ms` to `to_ms`: the time that its rows span."""

    id: str
    digest: str
    rows: int
    as_of_ms: int
    from_ms: int | None
    to_ms: int | None
    created_ms: int
    kept: bool
    broken: int


class DatasetHead(Shown):
    """What `regie.yaml` says of a dataset. `holdout_ms`: the newest stretch of mature rows, which training never sees."""

    name: str
    source: str
    key: list[str]
    time: str
    label: str
    known_after_ms: int | None
    holdout_ms: int | None
    columns: int
    checks: int


class DatasetBrief(Shown):
    """A dataset in the list."""

    head: DatasetHead
    snapshots: int
    newest: SnapshotLine | None
    broken: list[str]


class DataPage(Shown):
    """`applied`: whether the workspace has a `regie.yaml`."""

    applied: bool
    datasets: list[DatasetBrief]


@router.get("/api/v1/pages/data", response_model=DataPage)
def page(caller: Caller, request: Request) -> DataPage:
    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    with caller.read("dataset.read", caller.workspace) as db:
        shown = [_brief(db, caller.workspace, one) for one in (here.spec.data.values() if here else ())]
    return DataPage(applied=here is not None, datasets=shown)


def _brief(db: Connection, workspace: str, spec: DatasetSpec) -> DatasetBrief:
    newest = queries.snapshots(db, workspace, spec.name, limit=1)
    broken = [one["rule"] for one in newest[0]["contract"]["broken"]] if newest else []
    return DatasetBrief(
        head=head(spec),
        snapshots=queries.counted(db, workspace, spec.name),
        newest=line(newest[0]) if newest else None,
        broken=broken[:5],
    )


def head(spec: DatasetSpec) -> DatasetHead:
    return DatasetHead(
        name=spec.name, source=spec.source, key=list(spec.key), time=spec.time or "", label=spec.label.column if spec.label else "",
        known_after_ms=spec.label.known_after_ms if spec.label else None, holdout_ms=spec.holdout_ms, columns=len(spec.columns),
        checks=len(spec.checks),
    )  # fmt: skip


def line(snapshot: dict[str, Any]) -> SnapshotLine:
    names = ("id", "digest", "rows", "as_of_ms", "from_ms", "to_ms", "created_ms")
    broken = len(snapshot["contract"]["broken"])
    return SnapshotLine(**{name: snapshot[name] for name in names}, kept=snapshot["state"] == "ok", broken=broken)


def label_act(caller: CallerOf, spec: DatasetSpec) -> Act:
    """To state what the dataset's mature rows say now."""
    stated = spec.label and spec.time and spec.key
    why = None if stated else Why(code="dataset.no_label", values={"dataset": spec.name})
    path, command = f"/api/v1/datasets/{spec.name}/labels", f"regie dataset label {spec.name}"
    return act(caller, "label.state", caller.workspace, path, command, unless=why)

"""One dataset: its contract column by column, its snapshots, what breaks the contract, what differs, and what came of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection

from regie.app.api.status import scene_of
from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Act, Shown
from regie.app.pages.dataset_list import DatasetHead, SnapshotLine, head, label_act, line
from regie.app.pages.pipeline_run import VersionOf
from regie.app.pages.pipeline_words import RunState, cut
from regie.base.errors import NotFound
from regie.data import queries
from regie.data.difference import Kind, differences
from regie.loop.scene import Scene
from regie.monitoring import queries as monitoring
from regie.pipelines import queries as pipelines
from regie.registry import queries as registry
from regie.spec.document import DatasetSpec

router = APIRouter()
PAGE, THINGS, LATEST = 25, 50, 1_000


class Example(Shown):
    """A value that breaks a rule. `row` counts from 0."""

    row: int
    value: str


class Violation(Shown):
    """One broken rule. `share` of the rows; `seen` where the rule is about the whole."""

    rule: str
    column: str
    rows: int
    share: float | None
    examples: list[Example]
    seen: str


class Figures(Shown):
    """What is kept of a column. `min` and `max` are milliseconds where `type` is time; `mean` of a boolean is its share of true."""

    type: str
    nulls: int
    null_share: float | None
    min: float | None
    max: float | None
    mean: float | None
    distinct: int | None


class ColumnShown(Shown):
    """A column that is promised, or is there. `promise` is empty where nothing is promised; `kept` None where nothing was looked at."""

    name: str
    promise: str
    use: str
    kept: bool | None
    broken: int
    change: Kind | None
    now: Figures | None
    before: Figures | None
    shift: float | None


class CheckShown(Shown):
    """`text`: what was seen; `kept` None where it was not looked at."""

    check: str
    kept: bool | None
    text: str


class RunOn(Shown):
    """A run that was made on the snapshot."""

    run_id: str
    pipeline: str
    state: RunState
    created_ms: int


class SnapshotShown(Shown):
    """The snapshot that is looked at, beside the one before it. `figures`: whether both have them."""

    line: SnapshotLine
    before: SnapshotLine | None
    figures: bool
    violations: list[Violation]
    runs: list[RunOn]
    versions: list[VersionOf]


class Lateness(Shown):
    """Of the newest labels that were stated by key and time: how long after that time, in the middle and of 95 in 100."""

    labels: int
    half_ms: int
    most_ms: int


class Coverage(Shown):
    """Which part of the predictions in the newest window of a quality monitor had a label."""

    monitor: str
    share: float
    rows: int
    from_ms: int
    to_ms: int


class LabelsShown(Shown):
    """What is known of the labels; `mature_until_ms`: rows up to here have one by now, `holdout_*`: the rows that gates judge on."""

    newest_ms: int | None
    newest_source: str
    mature_until_ms: int
    holdout_from_ms: int | None
    holdout_to_ms: int | None
    lateness: Lateness | None
    coverage: Coverage | None
    state: Act


class DatasetPage(Shown):
    """`next`: the snapshot behind which the next page of the list begins. `labels` is None where the dataset has no label."""

    dataset: DatasetHead
    now_ms: int
    snapshots: list[SnapshotLine]
    snapshots_count: int
    next: str | None
    snapshot: SnapshotShown | None
    columns: list[ColumnShown]
    checks: list[CheckShown]
    labels: LabelsShown | None


@router.get("/api/v1/pages/data/{dataset}", response_model=DatasetPage)
def page(
    dataset: str, caller: Caller, request: Request, snapshot: Annotated[str, Query(max_length=71)] = "",
    against: Annotated[str, Query(max_length=71)] = "", after: Annotated[str, Query(max_length=32)] = "",
) -> DatasetPage:  # fmt: skip
    """`snapshot`, `against`: digests; by default the newest one and the one before it."""
    here = scene_of(caller, request)
    if dataset not in here.spec.data:
        known = ", ".join(here.spec.data) or "none"
        raise NotFound(f"there is no dataset {dataset}", caller.workspace, f"one of {known}")
    spec = here.spec.data[dataset]
    with caller.read("dataset.read", caller.workspace) as db:
        listed = queries.snapshots_after(db, caller.workspace, dataset, after, PAGE + 1)
        now = _chosen(db, caller, dataset, snapshot)
        before = _beside(db, caller, dataset, against, now)
        return DatasetPage(
            dataset=head(spec), now_ms=here.now_ms(), snapshots=[line(one) for one in listed[:PAGE]],
            snapshots_count=queries.counted(db, caller.workspace, dataset),
            next=listed[PAGE - 1]["id"] if len(listed) > PAGE else None, snapshot=_snapshot(db, caller, now, before) if now else None,
            columns=_columns(spec, now, before), checks=_checks(spec, now), labels=_labels(here, db, caller, spec),
        )  # fmt: skip


def _chosen(db: Connection, caller: CallerOf, dataset: str, digest: str) -> dict[str, Any] | None:
    """Raises NotFound for a digest that is none of the dataset's."""
    if not digest:
        newest = queries.snapshots(db, caller.workspace, dataset, limit=1)
        return newest[0] if newest else None
    found = queries.of_digest(db, caller.workspace, dataset, digest)
    if found is None:
        raise NotFound(f"{dataset} has no snapshot {digest}", caller.workspace, f"regie dataset show {dataset}")
    return vars(found)


def _beside(db: Connection, caller: CallerOf, dataset: str, digest: str, now: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if digest or now is None:
        return _chosen(db, caller, dataset, digest) if digest else None
    before = queries.snapshots_after(db, caller.workspace, dataset, now["id"], 1)
    return before[0] if before else None


def _snapshot(db: Connection, caller: CallerOf, now: Mapping[str, Any], before: Mapping[str, Any] | None) -> SnapshotShown:
    runs = pipelines.runs_on(db, caller.workspace, now["digest"], THINGS)
    versions = registry.come_from(db, caller.workspace, [one["run_id"] for one in runs])[:THINGS]
    return SnapshotShown(
        line=line(dict(now)), before=line(dict(before)) if before else None,
        figures=bool(now["columns"] and (before is None or before["columns"])),
        violations=[_violation(one, now["rows"]) for one in now["contract"]["broken"]],
        runs=[RunOn(**one) for one in runs],
        versions=[VersionOf(model=one.name, version=one.version, role=one.role, window=one.window) for one in versions],
    )  # fmt: skip


def _violation(broken: Mapping[str, Any], rows: int) -> Violation:
    examples = [Example(row=row, value=cut(str(value), 200)) for row, value in broken["examples"]]
    share = broken["rows"] / rows if rows and broken["rows"] else None
    said = {name: broken[name] for name in ("rule", "column", "rows", "seen")}
    return Violation(**said, share=share, examples=examples)


def _columns(spec: DatasetSpec, now: Mapping[str, Any] | None, before: Mapping[str, Any] | None) -> list[ColumnShown]:
    """Key and time, then as they stand in the snapshot, then what is promised and not there, or was there before."""
    compared = {one.column: one for one in differences(before["columns"] if before else (), now["columns"] if now else ())}
    # A spec that was stored knows its columns, and no longer their order in the file: that of the rows is better.
    there = [one["name"] for one in (now["columns"] if now else ())]
    named = [*spec.key, *([spec.time] if spec.time else []), *there, *spec.columns, *compared]
    broken: dict[str, int] = {}
    for one in now["contract"]["broken"] if now else ():
        broken[one["column"]] = broken.get(one["column"], 0) + 1
    roles = {one["name"]: one["role"] for one in (now["columns"] if now else ())}
    shown = []
    for name in dict.fromkeys(named):
        found, promised = compared.get(name), spec.columns.get(name)
        promise = promised.type.text if promised else "time" if name == spec.time else ""
        is_promised = bool(promised) or name in spec.key or name == spec.time
        shown.append(
            ColumnShown(
                name=name, promise=promise, use=_use(spec, name) or roles.get(name, ""), broken=broken.get(name, 0),
                kept=None if now is None or not is_promised else name not in broken,
                change=found.kind if found and before and before["columns"] else None, shift=found.shift if found else None,
                now=_figures(found.now if found else None, now), before=_figures(found.before if found else None, before),
            )
        )  # fmt: skip
    return shown


def _use(spec: DatasetSpec, name: str) -> str:
    if name in spec.key or name == spec.time:
        return "key" if name in spec.key else "time"
    if spec.label and name == spec.label.column:
        return "label"
    return spec.columns[name].use if name in spec.columns else ""


def _figures(found: Mapping[str, Any] | None, snapshot: Mapping[str, Any] | None) -> Figures | None:
    if found is None or snapshot is None:
        return None
    share = found["nulls"] / snapshot["rows"] if snapshot["rows"] else None
    figures = {name: found.get(name) for name in ("min", "max", "mean", "distinct")}
    return Figures(type=found["type"], nulls=found["nulls"], null_share=share, **figures)


def _checks(spec: DatasetSpec, now: Mapping[str, Any] | None) -> list[CheckShown]:
    """As the snapshot was judged; a check that was written later was not looked at."""
    contract = now["contract"] if now else {"broken": [], "checked": []}
    broken = {one["rule"]: one["seen"] for one in contract["broken"]}
    seen = {one["check"]: one["text"] for one in contract.get("checked", ())}
    shown = []
    for one in spec.checks:
        kept = False if one.text in broken else True if one.text in seen else None
        text = seen.get(one.text, broken.get(one.text, ""))
        shown.append(CheckShown(check=one.text, kept=kept, text=text))
    return shown


def _labels(here: Scene, db: Connection, caller: CallerOf, spec: DatasetSpec) -> LabelsShown | None:
    from regie.data import holdout  # numpy comes with it: what a home without regie.yaml never needs

    if spec.label is None:
        return None
    now_ms, held = here.now_ms(), spec.holdout_ms
    bounds = holdout.bounds(now_ms, spec.label.known_after_ms, held) if held else None
    newest = queries.newest_label(db, caller.workspace)
    return LabelsShown(
        newest_ms=newest.stated_ms if newest else None, newest_source=newest.source if newest else "",
        mature_until_ms=now_ms - spec.label.known_after_ms, holdout_from_ms=bounds.holdout_from_ms if bounds else None,
        holdout_to_ms=bounds.holdout_to_ms if bounds else None, lateness=_lateness(db, caller.workspace),
        coverage=_coverage(db, caller.workspace), state=label_act(caller, spec),
    )  # fmt: skip


def _lateness(db: Connection, workspace: str) -> Lateness | None:
    late = sorted(queries.lateness_ms(db, workspace, LATEST))
    if not late:
        return None
    return Lateness(labels=len(late), half_ms=late[len(late) // 2], most_ms=late[min(len(late) - 1, len(late) * 95 // 100)])


def _coverage(db: Connection, workspace: str) -> Coverage | None:
    for one in monitoring.signals_of(db, workspace, limit=THINGS):
        if one["kind"] == "quality" and one["coverage"] is not None:
            names = ("monitor", "rows", "from_ms", "to_ms")
            return Coverage(**{name: one[name] for name in names}, share=one["coverage"])
    return None

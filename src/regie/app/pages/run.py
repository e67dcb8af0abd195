"""One run: what it did, what it measured, what came of it."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from regie.app.caller import Caller
from regie.app.mlflow import rights
from regie.app.pages.acts import Shown
from regie.app.pages.artifacts import Folder, folder
from regie.app.pages.run_words import Direction, Figure, Named, RunBrief, cut, direction, figure, rank
from regie.app.pages.runs import experiment_names
from regie.base.errors import BadInput, NotFound
from regie.loop import run_origin
from regie.registry import queries as registry
from regie.tracking import curves, queries, related, table
from regie.tracking.types import PARENT, RUN_NAME, Run, RunData

router = APIRouter()
# What one answer holds at most. Values are shown whole up to a parameter's length.
METRICS, PAIRS, THINGS, SPARK, POINTS, CURVES, LONG = 50, 2_000, 100, 40, 1_000, 100, 6_000
DRAWABLE, NAMES = 500, 10_000
NOTE = "mlflow.note.content"


class Spark(Shown):
    """The course of a metric in a few points; None where there is no value."""

    values: list[float | None]


class MetricShown(Shown):
    """One metric of a run. `best`: the least or the greatest point, where it is known which is better."""

    name: str
    latest: Figure
    step: int
    at_ms: int
    points: int
    least: Figure | None
    greatest: Figure | None
    direction: Direction
    best: Figure | None
    spark: Spark


class Metrics(Shown):
    """A page of a run's metrics, by name; `next` is the name behind which the next one begins."""

    rows: list[MetricShown]
    count: int
    next: str | None


class Pair(Shown):
    """A parameter or a tag."""

    name: str
    value: str


class Source(Shown):
    """Where the code came from, as far as it was said. `code`: the digest of the project's code, where it is kept here."""

    name: str
    kind: str
    commit: str
    branch: str
    repository: str
    code: str
    lock: str
    packages_of: Literal["lock", "model", ""]
    packages: list[Pair]


class DatasetUsed(Shown):
    """A dataset that a run read. `ours`: it is a snapshot of a dataset of this workspace."""

    name: str
    digest: str
    context: str
    source_type: str
    ours: bool


class ModelLogged(Shown):
    """A logged model that a run wrote or read; `gone`: only its id is known."""

    id: str
    name: str
    written: bool
    gone: bool


class VersionMade(Shown):
    """A registered version that came from the run."""

    model: str
    version: int
    role: str
    window: str


class RunPage(Shown):
    """All that the page of a run shows at first; more metrics, curves and folders are asked for when they are looked at."""

    run: RunBrief
    lifecycle: str
    parent: Named | None
    children: list[RunBrief]
    children_more: bool
    note: str
    source: Source
    steps: bool
    params: list[Pair]
    params_count: int
    metrics: Metrics
    curves: list[str]
    tags: list[Pair]
    datasets: list[DatasetUsed]
    models: list[ModelLogged]
    versions: list[VersionMade]
    traces: int
    artifacts: Folder
    command: str


class CurveShown(Shown):
    """Points of a metric of one run, by step: as many steps as values, and as times where they were asked for.

    `points`: how many there are in all; `holes`: how many of those shown have no value.
    """

    run: str
    metric: str
    steps: list[int]
    times_ms: list[int]
    values: list[float | None]
    points: int
    holes: int


class Curves(Shown):
    """Histories, each of at most as many points as asked for."""

    curves: list[CurveShown]


@router.get("/api/v1/pages/runs/{run_id}", response_model=RunPage)
def page(run_id: str, caller: Caller) -> RunPage:
    run = rights.run_seen(caller, run_id)
    store = caller.store
    with store.read() as db:
        said = queries.run_data(db, [run])[run.key]
        children, more = related.children(db, caller.workspace, run.id, THINGS)
        origin = run_origin.of(db, store.blobs, run, said.tags)
        return RunPage(
            run=_brief(db, run), lifecycle=run.lifecycle, parent=_parent(db, caller.workspace, said), note=said.tags.get(NOTE, ""),
            children=_briefs(db, children), children_more=more,
            source=Source(
                name=origin.name, kind=origin.kind, commit=origin.commit, branch=origin.branch, repository=origin.repository,
                code=origin.code, lock=origin.lock, packages_of=origin.packages_of, packages=_pairs(dict(origin.packages)),
            ),
            steps=origin.steps, params=_pairs(said.params), params_count=len(said.params), metrics=_metrics(db, run, "", ""),
            curves=known_first(curves.with_history(db, [run.key], NAMES)), tags=_pairs(said.tags), datasets=_datasets(said, origin),
            models=_models(db, caller.workspace, said), traces=related.traces_of(db, run.id),
            versions=[
                VersionMade(model=one.name, version=one.version, role=one.role, window=one.window)
                for one in registry.come_from(db, caller.workspace, [run.id])[:THINGS]
            ],
            artifacts=folder(db, caller.workspace, run.root, "", "", 100),
            command=f"regie run show {shlex.quote(run.id)}",
        )  # fmt: skip


@router.get("/api/v1/pages/runs/{run_id}/metrics", response_model=Metrics)
def metrics(run_id: str, caller: Caller, search: Annotated[str, Query(max_length=250)] = "", after: str = "") -> Metrics:
    run = rights.run_seen(caller, run_id)
    with caller.store.read() as db:
        return _metrics(db, run, search, after)


@router.get("/api/v1/pages/curves", response_model=Curves)
def histories(
    caller: Caller, runs: str, metric: Annotated[list[str], Query()], most: Annotated[int, Query(ge=2, le=POINTS)] = POINTS,
    times: bool = False,
) -> Curves:  # fmt: skip
    """Metrics of some runs, as a chart draws them; what a run does not have is left out. `times`: with the time of each point.

    Raises BadInput.
    """
    ids = [one for one in dict.fromkeys(runs.split(",")) if one]
    if len(ids) * len(metric) > CURVES:
        raise BadInput(
            f"{len(ids)} runs with {len(metric)} metrics are asked for", "runs, metric", f"ask for at most {CURVES} curves"
        )
    with caller.read("run.read", caller.workspace) as db:
        keys = {one.id: one.key for one in queries.runs_named(db, caller.workspace, ids)}
        found = [
            (run_id, name, curves.curve(db, keys[run_id], name, most)) for run_id in ids if run_id in keys for name in metric
        ]
    return Curves(
        curves=[
            CurveShown(
                run=run_id, metric=name, steps=one.steps, times_ms=one.times_wall_ms if times else [], values=one.values,
                points=one.points, holes=one.holes,
            )
            for run_id, name, one in found if one.points
        ]
    )  # fmt: skip


def _brief(db: Connection, run: Run) -> RunBrief:
    return _briefs(db, [run])[0]


def _briefs(db: Connection, runs: list[Run]) -> list[RunBrief]:
    names = table.named(db, [one.key for one in runs])
    experiments = experiment_names(db, runs[0].workspace, runs) if runs else {}
    return [RunBrief.of(one, names.get(one.key, ""), experiments.get(one.experiment_id, "")) for one in runs]


def _parent(db: Connection, workspace: str, said: RunData) -> Named | None:
    if PARENT not in said.tags:
        return None
    found = queries.runs_named(db, workspace, [said.tags[PARENT]])
    return Named(id=found[0].id, name=queries.tags_of(db, found[0].key).get(RUN_NAME, "")) if found else None


def known_first(names: Sequence[str]) -> list[str]:
    """Metrics that can be drawn: first those whose direction is known."""
    return sorted(names, key=rank)[:DRAWABLE]


def _pairs(said: dict[str, str]) -> list[Pair]:
    return [Pair(name=name, value=cut(value, LONG)) for name, value in sorted(said.items())[:PAIRS]]


def _metrics(db: Connection, run: Run, search: str, after: str) -> Metrics:
    found, more = curves.amounts(db, run.key, search, after, METRICS)
    shown = []
    for one in found:
        name, way = one.latest.key, direction(one.latest.key)
        best = one.greatest if way == "higher" else one.least if way == "lower" else None
        spark = curves.curve(db, run.key, name, SPARK).values if one.points > 1 else []
        shown.append(
            MetricShown(
                name=name, latest=figure(one.latest.value), step=one.latest.step, at_ms=one.latest.timestamp_wall_ms,
                points=one.points, least=_figure(one.least), greatest=_figure(one.greatest), direction=way, best=_figure(best),
                spark=Spark(values=spark),
            )
        )  # fmt: skip
    return Metrics(rows=shown, count=curves.counted(db, run.key, search), next=shown[-1].name if more else None)


def _figure(value: float | None) -> Figure | None:
    return None if value is None else figure(value)


def _datasets(said: RunData, origin: run_origin.Origin) -> list[DatasetUsed]:
    logged = [
        DatasetUsed(
            name=one["name"], digest=one["digest"], context=one["context"], source_type=one["source_type"], ours=False
        )
        for one in said.inputs[:THINGS]
    ]  # fmt: skip
    ours = [
        DatasetUsed(name=name, digest=digest, context="", source_type="", ours=True) for name, digest in origin.snapshots.items()
    ]
    return [*ours, *logged]


def _models(db: Connection, workspace: str, said: RunData) -> list[ModelLogged]:
    shown = []
    for way, model_id, _ in said.models[:THINGS]:
        try:
            name, gone = queries.logged_model(db, workspace, model_id).name, False
        except NotFound:
            name, gone = "", True
        shown.append(ModelLogged(id=model_id, name=name, written=way == "output", gone=gone))
    return shown

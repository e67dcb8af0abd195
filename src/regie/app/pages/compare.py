"""Two to fifty runs beside each other: what differs in parameters, metrics, code and environment, from one of them, the reference.

Bounded: `ROWS` rows of each table; a search among names finds the others. Code is compared two by two, when somebody asks.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select
from sqlalchemy import Table as SqlTable

from regie.app.caller import Caller
from regie.app.mlflow import rights
from regie.app.pages.acts import Shown
from regie.app.pages.run import known_first
from regie.app.pages.run_words import MAX_COMPARED, Direction, RunBrief, cell, columns_of, cut, direction, ids_of, rank
from regie.app.pages.runs import experiment_names
from regie.base.blobs import BlobStore
from regie.base.errors import NotFound
from regie.loop import run_comparison, run_origin
from regie.loop.run_comparison import Axis, Row, Value
from regie.pipelines import project
from regie.tracking import curves, queries, table
from regie.tracking.search import among
from regie.tracking.table import Chosen
from regie.tracking.tables import latest_metrics, params, run_tags
from regie.tracking.types import Run

router = APIRouter()
ROWS, CURVES, AXES = 200, 10_000, 12
FIRST_AXES = 4  # of parameters, and of metrics
Columns = list[dict[str, Value]]


class Compared(RunBrief):
    """One column. `duration_ms` is None while it runs; code and lock are digests, empty where they are not known."""

    duration_ms: int | None
    commit: str
    code: str
    lock: str
    packages_of: Literal["lock", "model", ""]


class DifferenceShown(Shown):
    """From the reference: `by`, as a part of it (`part`), and whether that is better; None where nobody knows."""

    by: float
    part: float | None
    better: bool | None


class RowShown(Shown):
    """One name: a value of each run, None where it has none. `differences` for metrics only."""

    name: str
    values: list[float | str | None]
    differs: bool
    direction: Direction
    differences: list[DifferenceShown | None]


class Table(Shown):
    """Rows by name. `count`: all that the search finds, `differing`: those of them that differ."""

    rows: list[RowShown]
    count: int
    differing: int


class AxisShown(Shown):
    """One line of parallel coordinates: a place of each run between `low` and `high`; of texts, their place in `texts`."""

    short: str
    name: str
    kind: table.Kind
    places: list[float | None]
    low: float
    high: float
    texts: list[str]
    direction: Direction


class ComparePage(Shown):
    """All that the page shows but curves and code. `missing`: runs that are not there, or were deleted."""

    runs: list[Compared]
    missing: list[str]
    reference: str
    params: Table
    metrics: Table
    tags: Table
    packages: Table
    axes: list[AxisShown]
    curves: list[str]
    command: str


class FileShown(Shown):
    """One file that differs; a line begins with a space, `+`, `-`, or `@@`. `cut`: there is more than is shown."""

    path: str
    state: Literal["added", "removed", "changed"]
    lines: list[str]
    cut: bool


class CodePage(Shown):
    """The code of a run beside that of the reference. `known` is false where one of them is not kept here: then only commits can differ."""

    known: bool
    files: list[FileShown]
    more: bool


@router.get("/api/v1/pages/compare", response_model=ComparePage)
def page(
    caller: Caller, runs: str, reference: str = "", all: bool = False,
    search: Annotated[str, Query(max_length=250)] = "", axes: str = "",
) -> ComparePage:  # fmt: skip
    wanted = ids_of(runs, MAX_COMPARED, "runs")
    with caller.read("run.read", caller.workspace) as db:
        found = queries.runs_named(db, caller.workspace, wanted)
        if not found:
            raise NotFound("none of the runs is there", caller.workspace, "choose 2 to 50 runs in the list")
        there = [one.id for one in found]
        place = there.index(reference) if reference in there else 0
        tags, said = _texts(db, run_tags, found), _texts(db, params, found)
        measured = _metrics(db, found)
        origins = [run_origin.of(db, caller.store.blobs, one, said_of) for one, said_of in zip(found, _plain(tags), strict=True)]
        names, experiments = table.named(db, [one.key for one in found]), experiment_names(db, caller.workspace, found)
        of_params, of_metrics = run_comparison.rows(said), run_comparison.rows(measured)
        return ComparePage(
            runs=[
                Compared(
                    **dict(RunBrief.of(one, names.get(one.key, ""), experiments.get(one.experiment_id, ""))),
                    duration_ms=None if one.end_wall_ms is None else one.end_wall_ms - one.start_wall_ms,
                    commit=origin.commit, code=origin.code, lock=origin.lock, packages_of=origin.packages_of,
                )
                for one, origin in zip(found, origins, strict=True)
            ],
            missing=[one for one in wanted if one not in there], reference=there[place],
            params=_table(of_params, search, all), metrics=_measured(of_metrics, place, search, all),
            tags=_table(run_comparison.rows(_foreign(tags)), search, all),
            packages=_table(_packages(origins), search, all), axes=_axes(of_params, of_metrics, axes),
            curves=known_first(curves.with_history(db, [one.key for one in found], CURVES)),
            command=_command(there, place, all),
        )  # fmt: skip


def _command(runs: Sequence[str], place: int, everything: bool) -> str:
    reference = f" --reference {shlex.quote(runs[place])}" if place else ""
    return f"regie run compare {shlex.join(runs)}{reference}{' --all' if everything else ''}"


@router.get("/api/v1/pages/compare/code", response_model=CodePage)
def code(caller: Caller, reference: str, run: str) -> CodePage:
    sides = [rights.run_seen(caller, one) for one in (reference, run)]
    blobs = caller.store.blobs
    with caller.store.read() as db:
        before, now = (_code(db, blobs, one) for one in sides)
    if before is None or now is None:
        return CodePage(known=False, files=[], more=False)
    files, more = run_comparison.code(before, now)
    return CodePage(
        known=True, more=more,
        files=[FileShown(path=one.path, state=one.state, lines=[cut(line, 2_000) for line in one.lines], cut=one.cut) for one in files],
    )  # fmt: skip


def _code(db: Connection, blobs: BlobStore, run: Run) -> dict[str, str] | None:
    origin = run_origin.of(db, blobs, run, queries.tags_of(db, run.key))
    return project.texts(blobs.get(origin.code)) if origin.code else None


def _texts(db: Connection, of: SqlTable, found: Sequence[Run]) -> Columns:
    said: dict[int, dict[str, Value]] = {one.key: {} for one in found}
    for run, key, value in db.execute(select(of.c.run, of.c.key, of.c.value).where(among(db, of.c.run, list(said)))):
        said[run][key] = value
    return list(said.values())


def _metrics(db: Connection, found: Sequence[Run]) -> Columns:
    said: dict[int, dict[str, Value]] = {one.key: {} for one in found}
    of = latest_metrics.c
    for run, key, value, is_nan in db.execute(select(of.run, of.key, of.value, of.is_nan).where(among(db, of.run, list(said)))):
        said[run][key] = float("nan") if is_nan else value
    return list(said.values())


def _plain(tags: Columns) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in one.items()} for one in tags]


def _foreign(tags: Columns) -> Columns:
    """Without what clients and we write for ourselves."""
    return [{name: value for name, value in one.items() if not name.startswith(table.OWN)} for one in tags]


def _packages(origins: Sequence[run_origin.Origin]) -> list[Row]:
    """Of the runs whose environment is known: in the others nothing differs."""
    columns: list[Mapping[str, Value]] = [dict(one.packages) for one in origins]
    known = [place for place, one in enumerate(origins) if one.packages]
    return [
        Row(row.name, row.values, run_comparison.differ([row.values[place] for place in known]))
        for row in run_comparison.rows(columns)
    ]


def _table(rows: Sequence[Row], search: str, every: bool) -> Table:
    return _shown(rows, search, every, {})


def _measured(rows: Sequence[Row], reference: int, search: str, every: bool) -> Table:
    """Metrics whose direction is known come first, then those that most of the runs have."""
    ways = {row.name: direction(row.name) for row in rows}
    order = sorted(rows, key=lambda row: (rank(row.name), sum(value is None for value in row.values)))
    said = [run_comparison.measured(row, reference, ways[row.name]) for row in order]
    return _shown(said, search, every, ways)


def _shown(rows: Sequence[Row], search: str, every: bool, ways: Mapping[str, Direction]) -> Table:
    found = [row for row in rows if search.lower() in row.name.lower()] if search else list(rows)
    differing = [row for row in found if row.differs]
    return Table(
        rows=[
            RowShown(
                name=row.name, values=[cell(value) for value in row.values], differs=row.differs, direction=ways.get(row.name),
                differences=[None if one is None else DifferenceShown(**vars(one)) for one in row.differences],
            )
            for row in (found if every else differing)[:ROWS]
        ],
        count=len(found), differing=len(differing),
    )  # fmt: skip


def _axes(of_params: Sequence[Row], of_metrics: Sequence[Row], said: str) -> list[AxisShown]:
    """The lines that were chosen, or the first ones that differ: parameters, then metrics, last those whose direction is known."""
    rows: dict[Chosen, Row] = {Chosen("param", row.name): row for row in of_params}
    rows |= {Chosen("metric", row.name): row for row in of_metrics}
    if said:
        chosen = [one for one in columns_of(said) if one in rows][:AXES]
    else:
        differing = [one for one, row in rows.items() if row.differs]
        metrics = sorted((one for one in differing if one.kind == "metric"), key=lambda one: rank(one.key))
        chosen = [*[one for one in differing if one.kind == "param"][:FIRST_AXES], *reversed(metrics[:FIRST_AXES])]
    found = ((one, run_comparison.axis(rows[one])) for one in chosen)
    return [_axis(one, drawn) for one, drawn in found if drawn is not None]


def _axis(of: Chosen, drawn: Axis) -> AxisShown:
    return AxisShown(
        short=of.short, name=of.key, kind=of.kind, places=list(drawn.numbers), low=drawn.low, high=drawn.high,
        texts=[cut(one, 80) for one in drawn.texts], direction=direction(of.key) if of.kind == "metric" else None,
    )  # fmt: skip

"""Runs: which run, and why better? Sorted, filtered and paged by the server; nothing of a page is more than `MOST` runs.

The filter is MLflow's language. One that is not understood is no error of the page: `wrong` says where it breaks off.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import ColumnElement, Connection

from regie.app.caller import Caller, Count
from regie.app.mlflow.paging import Page, window
from regie.app.pages.acts import Shown
from regie.app.pages.run_words import Direction, Named, RunBrief, among, cell, columns_of, direction, ids_of, rank
from regie.base.errors import BadInput
from regie.tracking import queries, search, table
from regie.tracking.filter import Clause, Misread, Order, parse
from regie.tracking.grammars import RUNS
from regie.tracking.keyset import Slice, Window
from regie.tracking.table import Chosen, chosen
from regie.tracking.tables import runs as runs_table
from regie.tracking.types import STATUSES, Run

router = APIRouter()
MOST, COUNTED, PICKED, NEWS, NAMES = 200, 100_000, 200, 1_000, 100
# Columns that a person who chose none is shown.
FIRST_METRICS, FIRST_PARAMS = 4, 3
_SORTS = {"started": "start_time", "ended": "end_time", "name": "run_name", "user": "user_id", "state": "status"}
USUAL = "-started"


class ColumnShown(Shown):
    """A chosen column; `short` names it in an address. `direction`: which way is better, where that is known."""

    short: str
    kind: table.Kind
    key: str
    direction: Direction


class RunRow(RunBrief):
    """One run of the table, with a cell for each chosen column; None where it has none. `pipeline` is empty for a run of none."""

    cells: list[float | str | None]


class Wrong(Shown):
    """Where a filter breaks off: the character, from 0, and what is wanted there. `hint` is a word that the control room explains."""

    at: int
    hint: str
    values: dict[str, str]


class RunsPage(Shown):
    """A page of runs. `count`: how many the filter finds, on the first page only; `counted_all` is false where it stopped counting."""

    rows: list[RunRow]
    next: str | None
    wrong: Wrong | None
    count: int | None
    counted_all: bool
    newest: int
    columns: list[ColumnShown]
    experiments: list[Named]
    pipelines: list[str]
    states: list[str]
    command: str


class RunsNews(Shown):
    """What came since a page was shown: how many runs that its filter finds, and the rows that were asked about, as they are now."""

    count: int
    counted_all: bool
    newest: int
    rows: list[RunRow]


class ColumnNames(Shown):
    """Names that a column can have, of the newest runs."""

    names: list[str]
    more: bool
    of_runs: int


@dataclass(frozen=True)
class Question:
    """What an address asks for. Raises BadInput, Misread."""

    filter: str
    experiment: str
    state: str
    pipeline: str
    tasks: bool
    sort: str
    until: int

    @property
    def experiments(self) -> list[str] | None:
        return ids_of(self.experiment, PICKED, "experiment") or None

    @property
    def clauses(self) -> list[Clause]:
        picked = [Clause("attribute", "status", "=", self.state)] if self.state else []
        picked += [Clause("tag", table.PIPELINE, "=", self.pipeline)] if self.pipeline else []
        return [*parse(self.filter, RUNS), *picked]

    @property
    def orders(self) -> list[Order]:
        return [_order(self.sort)]

    @property
    def where(self) -> list[ColumnElement[bool]]:
        """Tasks stand on the page of their pipeline's run. With `until`, what came since does not move what somebody looks at."""
        here = [] if self.tasks else [runs_table.c.kind != "task"]
        return [*here, runs_table.c.key <= self.until] if self.until else here

    def check(self) -> None:
        """Raises BadInput, Misread."""
        parse(self.filter, RUNS)
        _order(self.sort)

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(vars(self) | {"until": 0}).encode()).hexdigest()[:16]

    def command(self, columns: Sequence[Chosen]) -> str:
        """The same in a terminal."""
        said = {name: value for name, value in vars(self).items() if value and name not in ("tasks", "until")}
        if said["sort"] == USUAL:
            del said["sort"]
        # `--sort=-m.auc`: by itself a value that begins with a minus reads as another option.
        parts = [f"--{name}={shlex.quote(str(value))}" for name, value in said.items()]
        parts += ["--tasks"] if self.tasks else []
        parts += [f"--columns={shlex.quote(','.join(one.short for one in columns))}"] if columns else []
        return " ".join(["regie run search", *parts])


def _order(said: str) -> Order:
    name = said.removeprefix("-")
    column = chosen(name)
    if column is None and name not in _SORTS:
        raise BadInput(f"nothing is sorted by {name[:80]!r}", "sort", f"{', '.join(_SORTS)}, or m.METRIC, p.PARAMETER, t.TAG")
    kind, key = (column.kind, column.key) if column is not None else ("attribute", _SORTS[name])
    return Order(kind, key, ascending=not said.startswith("-"))


def question(
    filter: Annotated[str, Query(max_length=20_000)] = "", experiment: str = "", state: str = "", pipeline: str = "",
    tasks: bool = False, sort: Annotated[str, Query(max_length=300)] = USUAL, until: Count = 0,
) -> Question:  # fmt: skip
    """`until`: only runs that were there when a page said `newest`."""
    if state and state not in STATUSES:
        raise BadInput(f"{state[:80]!r} is no state of a run", "state", "one of " + ", ".join(STATUSES))
    return Question(filter, experiment, state, pipeline, tasks, sort, until)


Asked = Annotated[Question, Depends(question)]
Limit = Annotated[int, Query(ge=1, le=MOST)]


@router.get("/api/v1/pages/runs", response_model=RunsPage)
def page(caller: Caller, asked: Asked, columns: str = "", after: str = "", limit: Limit = 100, at: Count = 0) -> RunsPage:
    """`after` goes on where a page ended; `at` jumps to a position, for who drags a table to its middle."""
    with caller.read("run.read", caller.workspace) as db:
        wrong, found, count = None, Slice[Run](), 0
        try:
            found = _found(db, caller.workspace, asked, window(Window(limit, at), after, asked.digest))
            if not after and not at:
                count = search.runs_counted(db, caller.workspace, asked.experiments, asked.clauses, COUNTED + 1, asked.where)
        except Misread as misread:
            wrong = Wrong(at=misread.at, hint=misread.hint, values=dict(misread.values))
        shown = columns_of(columns) if columns else _first_choice(db, found.found)
        return RunsPage(
            rows=rows(db, caller.workspace, found.found, shown), wrong=wrong,
            next=Page(Window(limit), asked.digest).token(found.next) if found.next else None,
            count=None if after or at else min(count, COUNTED), counted_all=count <= COUNTED, newest=table.newest(db, caller.workspace),
            columns=[ColumnShown(short=one.short, kind=one.kind, key=one.key, direction=_direction(one)) for one in shown],
            experiments=[Named(id=row.id, name=row.name) for row in table.experiments_of(db, caller.workspace, PICKED)],
            pipelines=table.pipelines(db, caller.workspace, PICKED), states=list(STATUSES), command=asked.command(shown),
        )  # fmt: skip


@router.get("/api/v1/pages/runs/news", response_model=RunsNews)
def news(caller: Caller, asked: Asked, since: Count, ids: str = "", columns: str = "") -> RunsNews:
    """What an open page asks when something happened."""
    wanted = ids_of(ids, MOST, "ids")
    with caller.read("run.read", caller.workspace) as db:
        where = [*asked.where, runs_table.c.key > since]
        count = search.runs_counted(db, caller.workspace, asked.experiments, asked.clauses, NEWS + 1, where)
        seen = queries.runs_named(db, caller.workspace, wanted)
        return RunsNews(
            count=min(count, NEWS), counted_all=count <= NEWS, newest=table.newest(db, caller.workspace),
            rows=rows(db, caller.workspace, seen, columns_of(columns) if columns else []),
        )  # fmt: skip


@router.get("/api/v1/pages/runs/columns", response_model=ColumnNames)
def names(caller: Caller, kind: table.Kind, search: Annotated[str, Query(max_length=250)] = "") -> ColumnNames:
    with caller.read("run.read", caller.workspace) as db:
        found, more = table.names(db, caller.workspace, kind, search, NAMES)
    return ColumnNames(names=found, more=more, of_runs=table.NAMED)


def _found(db: Connection, workspace: str, asked: Question, wanted: Window) -> Slice[Run]:
    return search.runs_found(db, workspace, asked.experiments, asked.clauses, asked.orders, window=wanted, where=asked.where)


def rows(db: Connection, workspace: str, found: Sequence[Run], columns: Sequence[Chosen]) -> list[RunRow]:
    """Runs as rows, in their order."""
    names, said = table.named(db, [one.key for one in found]), table.cells(db, found, columns)
    experiments = experiment_names(db, workspace, found)
    return [
        RunRow(
            **dict(RunBrief.of(one, names.get(one.key, ""), experiments.get(one.experiment_id, ""))),
            cells=[cell(said[one.key].get(column)) for column in columns],
        )
        for one in found
    ]


def experiment_names(db: Connection, workspace: str, found: Sequence[Run]) -> Mapping[str, str]:
    return queries.experiment_names(db, workspace, among(found))


def _direction(column: Chosen) -> Direction:
    return direction(column.key) if column.kind == "metric" else None


def _first_choice(db: Connection, found: Sequence[Run]) -> list[Chosen]:
    """What most of the first runs have: first the metrics whose direction is known."""
    metrics = table.frequent(db, found, "metric", 50)
    metrics.sort(key=rank)
    params = table.frequent(db, found, "param", FIRST_PARAMS)
    return [*(Chosen("metric", key) for key in metrics[:FIRST_METRICS]), *(Chosen("param", key) for key in params)]


def found_after(db: Connection, workspace: str, asked: Question, after: Any) -> Slice[Run]:
    """A large page behind a position: for what is exported."""
    return _found(db, workspace, asked, Window(5_000, after=after))

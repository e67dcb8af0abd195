"""Runs as a table that a person looks at: cells of chosen columns, the names that columns can have, what came since.

A column is a metric, a parameter or a tag; of a metric the latest point is shown. Nothing here reads more than one page of runs, or the
newest `NAMED` of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from regie.tracking.search import among
from regie.tracking.tables import experiments, latest_metrics, params, run_tags, runs
from regie.tracking.types import RUN_NAME, Run

NAMED = 500  # names are those that this many of the newest runs have: to look at all runs would take seconds
PIPELINE = "regie.pipeline"
Kind = Literal["metric", "param", "tag"]
_TABLES: Mapping[Kind, Any] = {"metric": latest_metrics, "param": params, "tag": run_tags}
_LETTERS: Mapping[str, Kind] = {"m": "metric", "p": "param", "t": "tag"}
OWN = ("mlflow.", "regie.")  # tags that clients and we write for ourselves


@dataclass(frozen=True)
class Chosen:
    """One column that somebody chose. In an address it is short: `m.loss`, `p.depth`, `t.stage`."""

    kind: Kind
    key: str

    @property
    def short(self) -> str:
        return f"{self.kind[0]}.{self.key}"


def chosen(short: str) -> Chosen | None:
    """The column that a short text means; None where it means none."""
    letter, dot, key = short.partition(".")
    return Chosen(_LETTERS[letter], key) if dot and key and letter in _LETTERS else None


Cells = dict[int, dict[Chosen, float | str]]


def cells(db: Connection, found: Sequence[Run], columns: Sequence[Chosen]) -> Cells:
    """By the key of each run: what it has of the columns. A NaN is a value; what is missing is not there."""
    said: Cells = {one.key: {} for one in found}
    for kind, table in _TABLES.items():
        keys = [one.key for one in columns if one.kind == kind]
        if not keys or not said:
            continue
        of_metric = kind == "metric"
        wanted = [table.c.run, table.c.key, table.c.value, *([table.c.is_nan] if of_metric else [])]
        for row in db.execute(select(*wanted).where(among(db, table.c.run, list(said)), among(db, table.c.key, keys))):
            said[row.run][Chosen(kind, row.key)] = float("nan") if of_metric and row.is_nan else row.value
    return said


def frequent(db: Connection, found: Sequence[Run], kind: Kind, most: int) -> list[str]:
    """The names that most of some runs have: a first choice of columns."""
    table = _TABLES[kind]
    if not found:
        return []
    count = func.count().label("runs")
    query = select(table.c.key, count).where(among(db, table.c.run, [one.key for one in found])).group_by(table.c.key)
    rows = db.execute(query.order_by(count.desc(), table.c.key).limit(most + 20)).all()
    return [row.key for row in rows if kind != "tag" or not row.key.startswith(OWN)][:most]


def names(db: Connection, workspace: str, kind: Kind, search: str, most: int) -> tuple[list[str], bool]:
    """Names of that kind which hold the text, whatever its case, by name; and whether there are more."""
    table = _TABLES[kind]
    newest = select(runs.c.key).where(runs.c.workspace == workspace, runs.c.lifecycle == "active")
    newest = newest.order_by(runs.c.key.desc()).limit(NAMED)
    query = select(table.c.key).distinct().where(table.c.run.in_(newest))
    if search:
        query = query.where(table.c.key.icontains(search, autoescape=True))
    rows = list(db.execute(query.order_by(table.c.key).limit(most + 1)).scalars())
    return rows[:most], len(rows) > most


def named(db: Connection, keys: Sequence[int]) -> dict[int, str]:
    """The name of each run, by its key."""
    query = select(run_tags.c.run, run_tags.c.value).where(among(db, run_tags.c.run, list(keys)), run_tags.c.key == RUN_NAME)
    return {row.run: row.value for row in db.execute(query)} if keys else {}


def pipelines(db: Connection, workspace: str, most: int) -> list[str]:
    """The pipelines that the newest runs are of."""
    newest = select(runs.c.key).where(runs.c.workspace == workspace, runs.c.kind == "pipeline")
    newest = newest.order_by(runs.c.key.desc()).limit(NAMED)
    query = select(run_tags.c.value).distinct().where(run_tags.c.run.in_(newest), run_tags.c.key == PIPELINE)
    return list(db.execute(query.order_by(run_tags.c.value).limit(most)).scalars())


def experiments_of(db: Connection, workspace: str, most: int) -> list[Any]:
    """(id, name) of the active experiments, the newest first."""
    here = (experiments.c.workspace == workspace, experiments.c.lifecycle == "active")
    query = select(experiments.c.id, experiments.c.name).where(*here)
    return list(db.execute(query.order_by(experiments.c.created_wall_ms.desc(), experiments.c.id.desc()).limit(most)))


def newest(db: Connection, workspace: str) -> int:
    """The key of the run that came last; 0 where there is none."""
    return int(db.execute(select(func.max(runs.c.key)).where(runs.c.workspace == workspace)).scalar() or 0)

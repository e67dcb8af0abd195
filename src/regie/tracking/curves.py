"""Metrics of a run over its steps: samples for charts, and what a history amounts to (points, least, greatest).

A sample has at most `most` points, the first and the last among them. NaN and infinities are no places on a chart: they are None there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, or_, select

from regie.tracking import histories
from regie.tracking.histories import Stretch
from regie.tracking.search import among
from regie.tracking.tables import latest_metrics, metrics
from regie.tracking.types import LARGEST, Metric


@dataclass(frozen=True)
class Curve:
    """Points of one metric of one run, by step; `points`: how many there are in all, `holes`: how many of those shown have no value."""

    steps: list[int]
    times_wall_ms: list[int]
    values: list[float | None]
    points: int

    @property
    def holes(self) -> int:
        return sum(value is None for value in self.values)


@dataclass(frozen=True)
class Amount:
    """What a history amounts to. `least` and `greatest` are None where every point is NaN."""

    latest: Metric
    points: int
    least: float | None
    greatest: float | None


def curve(db: Connection, run: int, key: str, most: int) -> Curve:
    rows, points = histories.sampled(db, Stretch(run, key), most)
    values = [None if row[3] or abs(row[2]) >= LARGEST else row[2] for row in rows]
    return Curve([row[1] for row in rows], [row[0] for row in rows], values, points)


def amounts(db: Connection, run: int, search: str, after: str, limit: int) -> tuple[list[Amount], bool]:
    """The metrics of a run by name, behind the name `after`, and whether there are more."""
    table = latest_metrics.c
    query = select(latest_metrics).where(table.run == run, table.key > after)
    if search:
        query = query.where(table.key.icontains(search, autoescape=True))
    latest = list(db.execute(query.order_by(table.key).limit(limit + 1)))
    keys = [row.key for row in latest[:limit]]
    of = metrics.c
    query = select(of.key, func.count().label("points"), func.min(of.value).filter(~of.is_nan).label("least"),
                   func.max(of.value).filter(~of.is_nan).label("greatest"))  # fmt: skip
    found = (
        {row.key: row for row in db.execute(query.where(of.run == run, among(db, of.key, keys)).group_by(of.key))} if keys else {}
    )
    return [
        Amount(
            Metric(row.key, float("nan") if row.is_nan else row.value, row.timestamp_wall_ms, row.step),
            found[row.key].points, found[row.key].least, found[row.key].greatest,
        )
        for row in latest[:limit]
    ], len(latest) > limit  # fmt: skip


def counted(db: Connection, run: int, search: str = "") -> int:
    """How many metrics a run has."""
    query = select(func.count()).select_from(latest_metrics).where(latest_metrics.c.run == run)
    if search:
        query = query.where(latest_metrics.c.key.icontains(search, autoescape=True))
    return int(db.execute(query).scalar_one())


def with_history(db: Connection, runs: Sequence[int], most: int) -> list[str]:
    """Metrics of which some of the runs has more than one point, by how many have; then by name."""
    latest, older = latest_metrics.c, metrics.alias().c
    another = exists().where(
        older.run == latest.run, older.key == latest.key,
        or_(older.timestamp_wall_ms != latest.timestamp_wall_ms, older.step != latest.step),
    )  # fmt: skip
    count = func.count().label("runs")
    query = select(latest.key, count).where(among(db, latest.run, list(runs)), another).group_by(latest.key)
    return [row.key for row in db.execute(query.order_by(count.desc(), latest.key).limit(most))]

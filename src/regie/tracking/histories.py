"""All points of a metric, or a sample of them for a chart, as JSON text: fifty thousand points are not made into objects first.

A history is ordered by timestamp, step and value, as its table is. A sample is ordered by step first, as a chart is: one point of each of
`most` stretches of the same length, the first of each, and the very last point; what stock MLflow's window functions choose.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, cast, func, select, tuple_, type_coerce

from regie.base.errors import BadInput
from regie.tracking.keyset import Column, Position, Window, fits
from regie.tracking.search import among
from regie.tracking.tables import metrics

_table = metrics.c
_POINT = (_table.timestamp_wall_ms, _table.step, _table.value, _table.is_nan)
_CHART = (_table.step, _table.timestamp_wall_ms, _table.value, _table.is_nan)
_POSITION = (Column(_POINT[0], int), Column(_POINT[1], int), Column(_POINT[2], float), Column(_POINT[3], int))
# Steps are looked at in Python as long as they are fewer than this, and as each is that of few points; else the database numbers rows.
_MOST_STEPS, _ROWS_A_STEP = 1_000_000, 8


@dataclass(frozen=True)
class Stretch:
    """Points of one metric of one run. `run_id`, where there is one, is said of each point."""

    run: int
    key: str
    run_id: str = ""
    steps: tuple[int, int] | None = None  # from, up to and including

    @property
    def here(self) -> list[ColumnElement[bool]]:
        found = [_table.run == self.run, _table.key == self.key]
        return found if self.steps is None else [*found, _table.step.between(*self.steps)]


def page(db: Connection, stretch: Stretch, window: Window) -> tuple[list[str], Position | None]:
    """The points of a page as JSON, and where the next one begins. Raises BadInput for a position that is none."""
    query = select(*_POINT).where(*stretch.here).order_by(*_POINT).limit(window.limit + 1)
    if window.after is not None:
        if len(window.after) != len(_POSITION) or not all(map(fits, _POSITION, window.after)):
            raise BadInput("the page token is none of a history", "page_token", "send what the last page gave")
        query = query.where(tuple_(*_POINT) > tuple_(*window.after[:3], bool(window.after[3])))
    rows = _rows(db, query.offset(window.offset) if window.offset else query)
    texts = _texts(stretch, rows[: window.limit])
    if len(rows) <= window.limit:
        return texts, None
    timestamp, step, value, is_nan = rows[window.limit - 1]
    return texts, (timestamp, step, value, int(is_nan))


def sample(db: Connection, stretch: Stretch, most: int) -> list[str]:
    """At most `most` points, evenly chosen over all that there are, the first and the last among them; by step."""
    return _texts(stretch, sampled(db, stretch, most)[0])


def sampled(db: Connection, stretch: Stretch, most: int) -> tuple[list[Any], int]:
    """The same as rows (timestamp, step, value, is NaN), and how many points there are."""
    count = int(db.execute(select(func.count()).select_from(metrics).where(*stretch.here)).scalar_one())
    places = _places(count, most)
    if count <= most:
        return _rows(db, select(*_POINT).where(*stretch.here).order_by(*_CHART)), count
    if count <= _MOST_STEPS and (found := _by_steps(db, stretch, places)) is not None:
        return found, count
    number = type_coerce(func.row_number().over(order_by=_CHART), BigInteger).label("number")
    numbered = select(*_POINT, number).where(*stretch.here).subquery()
    chosen = select(*(numbered.c[one.name] for one in _POINT)).where(among(db, numbered.c.number, [one + 1 for one in places]))
    return _rows(db, chosen.order_by(numbered.c.number)), count


def _places(count: int, most: int) -> list[int]:
    """The first place of each of `most` stretches, the longer ones first, and the last place of all."""
    length, longer = divmod(count, most)
    found = [one * length + min(one, longer) for one in range(min(most, count))]
    return [*found[:-1], count - 1] if count else []


def _by_steps(db: Connection, stretch: Stretch, places: Sequence[int]) -> list[Any] | None:
    """The points at some places, found by their steps, which costs a third of numbering all rows. None where many points share one."""
    said = db.execute(select(func.aggregate_strings(cast(_table.step, Text), ",")).where(*stretch.here)).scalar_one()
    steps = sorted(json.loads(f"[{said}]"))
    wanted = sorted({steps[place] for place in places})
    spans = {step: (bisect_left(steps, step), bisect_right(steps, step)) for step in wanted}
    if sum(end - begin for begin, end in spans.values()) > _ROWS_A_STEP * len(wanted):
        return None
    rows = _rows(db, select(*_POINT).where(*stretch.here, among(db, _table.step, wanted)).order_by(*_CHART))
    at = dict(zip(chain.from_iterable(range(*spans[step]) for step in wanted), rows, strict=True))
    return [at[place] for place in places]


def _rows(db: Connection, query: Any) -> list[Any]:
    """The driver's own rows: SQLAlchemy's around them would take as long as reading them."""
    cursor = db.execute(query).cursor
    return list(cursor.fetchall()) if cursor is not None else []


def _texts(stretch: Stretch, rows: Sequence[Any]) -> list[str]:
    head = f'{{"key":{quoted(stretch.key)},"value":'
    tail = f',"run_id":{quoted(stretch.run_id)}}}' if stretch.run_id else "}"
    return [
        f'{head}{value!r},"timestamp":{timestamp},"step":{step}{tail}'
        if not is_nan
        else f'{head}"NaN","timestamp":{timestamp},"step":{step}{tail}'
        for timestamp, step, value, is_nan in rows
    ]

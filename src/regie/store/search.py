"""What happened and who did it, filtered: a page at a time by sequence number.

Of several filters the narrowest leads, by an index of its own; the others look at the rows that it finds. Left to itself a planner
without statistics may read a million rows of the one actor who does nearly everything.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, literal_column, select

from regie.store.events import Event, effects, event_of
from regie.store.events import by_id as event_by_id
from regie.store.tables import BEGINNING, audit_records, beginning, events

Filter = tuple[Any, str | tuple[str, ...]]  # a column, and what is asked of it; empty: nothing
MOST = 10_000
DEEPEST = 100
WIDEST = 300


@dataclass(frozen=True)
class Stretch:
    """Which part of the order: `before` and `after` a sequence number, both excluded; between two times, the end excluded.

    `forwards`: of more than a page the oldest, oldest first; else the newest, newest first.
    """

    before: int | None = None
    after: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    forwards: bool = False


@dataclass(frozen=True)
class SoughtEvents:
    """Which events: of any of these types, or of any but some; of one subject, of one correlation. Empty: all. Times are business time."""

    types: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    subject: str = ""
    correlation: str = ""
    within: Stretch = Stretch()


@dataclass(frozen=True)
class SoughtRecords:
    """Which audit records. `result`: done or refused. Times are the wall's."""

    actor: str = ""
    action: str = ""
    target: str = ""
    result: str = ""
    within: Stretch = Stretch()


@dataclass(frozen=True)
class Link:
    """One event of a walk; `depth` 0 is the first cause."""

    depth: int
    event: Event


@dataclass(frozen=True)
class Walk:
    """The causes and effects of an event. `more`: there are further ones."""

    links: tuple[Link, ...]
    more: bool


def find_events(db: Connection, workspace: str, sought: SoughtEvents, limit: int = 100) -> list[Event]:
    """A page of them."""
    c, types = events.c, sought.types
    if sought.without:
        known = types or types_of(db, workspace)
        types = tuple(one for one in known if one not in sought.without)
        if not types:
            return []
    filters: list[Filter] = [(c.correlationid, sought.correlation), (c.subject, sought.subject)]
    if not any(value for _, value in filters):  # one type at a time: the index holds the order of one
        each: list[list[Filter]] = [[(c.type, kind)] for kind in dict.fromkeys(types)] or [[]]
    else:
        each = [[*filters, (c.type, tuple(types))]]
    return [event_of(row) for row in _page(db, events, c.time_ms, [workspace], each, sought.within, limit)]


def find_records(db: Connection, workspace: str | None, sought: SoughtRecords, limit: int = 100) -> list[dict[str, Any]]:
    """A page of audit records, as written, with their hash; of every workspace for None."""
    c = audit_records.c
    filters: list[Filter] = [
        (c.target, sought.target), (c.result, sought.result), (c.action, sought.action), (c.actor, sought.actor),
    ]  # fmt: skip
    if sought.result == "done":  # nearly all are
        filters.append(filters.pop(1))
    timed = sought.within.from_ms is not None or sought.within.to_ms is not None
    # Every index begins with the workspace, so that nobody waits for the rows of others; the whole order needs none.
    whose = [workspace] if workspace or not (timed or any(value for _, value in filters)) else _distinct(db, c.workspace)
    rows = _page(db, audit_records, c.wall_ms, whose, [filters], sought.within, limit)
    return [json.loads(row.record) | {"hash": row.hash} for row in rows]


def types_of(db: Connection, workspace: str) -> list[str]:
    """The types of event that a workspace has: from the index, a look a type."""
    return _distinct(db, events.c.type, events.c.workspace == workspace)


def named_of(db: Connection, workspace: str | None, column: str, limit: int) -> list[str]:
    """Who did anything, or what was done, in a workspace or all: `column` is actor or action."""
    c, named = audit_records.c, set[str]()
    for one in [workspace] if workspace is not None else _distinct(db, c.workspace, limit=limit):
        named.update(_distinct(db, c[column], c.workspace == one, limit=limit))
    return sorted(named)[:limit]


def walk(db: Connection, workspace: str, identity: str) -> Walk | None:
    """What led to an event, its first cause first, then the event, then all that it led to, each below its cause."""
    start = event_by_id(db, identity)
    if start is None or start.workspace != workspace:
        return None
    causes = _causes(db, start)
    links = [Link(depth, one) for depth, one in enumerate(reversed(causes))]
    more = bool(links and links[0].event.causationid)
    waiting, seen = [Link(len(links), start)], {one.event.id for one in links}
    while waiting and len(links) < WIDEST:
        link = waiting.pop()
        if link.event.id in seen or link.event.workspace != workspace:
            continue
        seen.add(link.event.id)
        links.append(link)
        waiting += [Link(link.depth + 1, one) for one in reversed(effects(db, link.event.id, WIDEST))]
    return Walk(tuple(links), more or bool(waiting))


def _causes(db: Connection, start: Event) -> list[Event]:
    """The nearest first."""
    causes: list[Event] = []
    link: Event | None = start
    while link is not None and link.causationid and len(causes) < DEEPEST:
        link = event_by_id(db, link.causationid)
        if link is None or link.workspace != start.workspace or link in (start, *causes):
            break
        causes.append(link)
    return causes


def _page(
    db: Connection, table: Table, time: Any, whose: Sequence[str | None], each: Sequence[Sequence[Filter]], within: Stretch, limit: int
) -> list[Any]:  # fmt: skip
    """Of each workspace and each set of filters the first rows, and of these the first."""
    limit, order = min(max(limit, 0), MOST), table.c.seq.asc() if within.forwards else table.c.seq.desc()
    found: list[Any] = []
    for workspace in whose:
        stretch = _stretch(db, table, time, workspace, within)
        for filters in each if stretch is not None else ():
            query = select(table).where(*_narrowed(filters), *(stretch or ())).order_by(order).limit(limit)
            found += db.execute(query if workspace is None else query.where(table.c.workspace == workspace))
    return sorted(found, key=lambda row: row.seq if within.forwards else -row.seq)[:limit]


def _narrowed(filters: Sequence[Filter]) -> list[ColumnElement[bool]]:
    """The first filter that asks for something by its index, the others beside it."""
    made: list[ColumnElement[bool]] = []
    for column, value in filters:
        if value and not made:
            made += _LED_BY[column.name](str(value)) if column.name in _LED_BY else [column == value]
        elif value:
            made.append(_beside(column).in_(value) if isinstance(value, tuple) else _beside(column) == value)
    return made


def _by_beginning(column: Any) -> Callable[[str], list[ColumnElement[bool]]]:
    # The whole text beside the index: SQLite would otherwise compute its beginning once, and use no index at all.
    return lambda value: [beginning(column) == value[:BEGINNING], _beside(column) == value]


def _by_result(value: str) -> list[ColumnElement[bool]]:
    column = audit_records.c.result
    return [column == value] if value == "done" else [column == value, column != literal_column("'done'")]


# Where an index holds something else than the column: the beginning of a text of any length; the few records that are not `done`.
_LED_BY: Mapping[str, Callable[[str], list[ColumnElement[bool]]]] = {
    "subject": _by_beginning(events.c.subject), "target": _by_beginning(audit_records.c.target), "result": _by_result,
}  # fmt: skip


def _stretch(db: Connection, table: Table, time: Any, workspace: str | None, within: Stretch) -> list[ColumnElement[bool]] | None:
    """As sequence numbers; None where it holds nothing. Times are nearly in order, so they bound the numbers closely."""
    found = [table.c.seq < within.before] if within.before is not None else []
    found += [table.c.seq > within.after] if within.after is not None else []
    if within.from_ms is None and within.to_ms is None:
        return found

    def between(column: Any) -> list[ColumnElement[bool]]:
        after = [column >= within.from_ms] if within.from_ms is not None else []
        return [*after, column < within.to_ms] if within.to_ms is not None else after

    numbers = select(func.min(table.c.seq), func.max(table.c.seq)).where(table.c.workspace == workspace, *between(time))
    first, last = db.execute(numbers).one()
    return None if first is None else [*found, table.c.seq.between(first, last), *between(_beside(time))]


def _beside(column: Any) -> Any:
    """The column's value, which no index has."""
    return column + literal_column("0") if column.type.python_type is int else column.concat(literal_column("''"))


def _distinct(db: Connection, column: Any, *where: ColumnElement[bool], limit: int = MOST) -> list[str]:
    """The values of a column that an index holds in order: a look each, however many rows there are."""
    found: list[str] = []
    while len(found) < limit:
        more = [column > found[-1]] if found else []
        value = db.execute(select(func.min(column)).where(*where, *more)).scalar()
        if value is None:
            break
        found.append(value)
    return found

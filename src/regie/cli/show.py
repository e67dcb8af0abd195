"""How commands speak: data on stdout, all else on stderr.

A table is drawn by rich on a terminal; elsewhere it is plain columns, two spaces apart. NO_COLOR is kept by rich. Text that came
from users is never read as markup.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from regie.base.clock import iso

Row = Mapping[str, Any]
Column = tuple[str, str | Callable[[Row], Any]]  # its title; the name of its field, or what makes it of the row
SHORT = 12


def data(value: Any) -> None:
    """JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def line(value: Any) -> None:
    """One line of NDJSON on stdout, seen at once by who reads it."""
    click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def text(words: str = "") -> None:
    """Data in words, on stdout."""
    click.echo(words)


def note(words: str) -> None:
    """What is not data: on stderr."""
    click.echo(words, err=True)


def rows(found: Sequence[Row], columns: Sequence[Column], as_json: bool, empty: str = "none") -> None:
    """A table, or the rows as they are. `empty` goes to stderr: no rows are no data."""
    if as_json:
        data(list(found))
    elif not found:
        note(empty)
    else:
        table([title for title, _ in columns], [[_cell(row, take) for _, take in columns] for row in found])


def table(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    if sys.stdout.isatty():
        _rich_table(titles, cells)
        return
    lines = [list(titles), *map(list, cells)]
    widths = [max(len(one[place]) for one in lines) for place in range(len(titles))]
    for one in lines:
        text("  ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)).rstrip())


def _rich_table(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # drawn on terminals only; a piped command need not load it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in titles:
        drawn.add_column(title, overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one per line; what is None or empty is left out."""
    shown = [(name, one(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        text(f"{name.ljust(width)}  {value}")


def one(value: Any) -> str:
    """A value for a screen. Newlines would break a table's rows."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value).replace("\n", " ")


def time(field: str) -> Callable[[Row], str]:
    """A column of milliseconds, shown as a time."""
    return lambda row: when(row.get(field))


def when(ms: int | None) -> str:
    return "" if ms is None else iso(ms - ms % 1000)


def _cell(row: Row, take: str | Callable[[Row], Any]) -> str:
    return one(row.get(take) if isinstance(take, str) else take(row))

"""The first rows of a file that holds a table: CSV, TSV, Parquet, JSON. Bounded in rows, columns, characters, and in what is read.

A file that is none of these, or is broken, has no first rows: it is shown as text, or not at all.
"""

import csv
import io
import json
import math
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROWS, COLUMNS, CELL = 200, 60, 300
HEAD_BYTES, JSON_BYTES = 1 << 20, 4 << 20
MAGIC = b"PAR1"  # how a Parquet file begins and ends
CHILD_S = 20.0
_CHILDREN = threading.BoundedSemaphore(2)  # Parquet files that are read at once
Cell = float | str | None


@dataclass(frozen=True)
class Rows:
    """`rows_count`: of the whole file, where it says so."""

    columns: list[str]
    rows: list[list[Cell]]
    rows_count: int | None
    more_rows: bool
    more_columns: bool


def first_rows(file: Path, name: str) -> Rows | None:
    """None for what is no table."""
    suffix = Path(name.lower()).suffix
    try:
        if suffix in (".csv", ".tsv"):
            return _csv(file, suffix == ".tsv")
        if suffix == ".parquet":
            return _parquet(file)
        if suffix == ".json" and file.stat().st_size <= JSON_BYTES:
            return _of_json(json.loads(file.read_bytes()))
        if suffix in (".jsonl", ".ndjson"):
            return _of_json([json.loads(line) for line in _lines(file)])
    except (ValueError, RecursionError, csv.Error, OSError):
        return None
    return None


def _lines(file: Path) -> list[str]:
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    text = head.decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    return lines[:-1] if len(head) == HEAD_BYTES else lines


def _csv(file: Path, tabs: bool) -> Rows | None:
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    whole = len(head) < HEAD_BYTES
    text = head.decode("utf-8-sig", "replace")
    if "\x00" in text:
        return None
    first = text.partition("\n")[0]
    delimiter = "\t" if tabs else ";" if first.count(";") > first.count(",") else ","
    found: list[list[str]] = []
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        found.append(row)
        if len(found) > ROWS + 1:
            break
    if not whole and len(found) <= ROWS + 1:
        found = found[:-1]  # cut in its midst
    if not found:
        return None
    body = found[1:]
    return bounded(found[0], [[_cell(one) for one in row] for row in body[: ROWS + 1]], None, not whole)


def _parquet(file: Path) -> Rows | None:
    """In a process of its own: a file may say small sizes and unpack into gigabytes, or end whoever reads it."""
    with file.open("rb") as opened:
        begins = opened.read(len(MAGIC)) == MAGIC
        opened.seek(-min(len(MAGIC), file.stat().st_size), os.SEEK_END)
        if not begins or opened.read() != MAGIC:
            return None
    words = [sys.executable, "-P", "-m", "regie.app.pages.parquet_rows", str(file)]
    with _CHILDREN:
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHILD_S, check=False)
        except subprocess.TimeoutExpired:
            return None
    return Rows(**json.loads(done.stdout)) if done.returncode == 0 and done.stdout else None


def _of_json(said: Any) -> Rows | None:
    """`{columns, data}` as MLflow's client logs tables, or a list of objects."""
    if isinstance(said, dict) and isinstance(said.get("columns"), list) and isinstance(said.get("data"), list):
        data = [row for row in said["data"] if isinstance(row, list)]
        return bounded(
            [str(one) for one in said["columns"]], [[plain(one) for one in row] for row in data[: ROWS + 1]], len(data)
        )
    if isinstance(said, list) and said and all(isinstance(one, dict) for one in said):
        names = list(dict.fromkeys(str(name) for one in said[: ROWS + 1] for name in one))
        return bounded(names, [[plain(one.get(name)) for name in names[:COLUMNS]] for one in said[: ROWS + 1]], len(said))
    return None


def bounded(columns: list[str], rows: list[list[Cell]], count: int | None, more: bool = False) -> Rows:
    width = min(max([len(columns), *map(len, rows)]), COLUMNS)
    named = [_cut(one) for one in columns[:width]] + [""] * (width - len(columns))
    shown = [(row + [None] * width)[:width] for row in rows[:ROWS]]
    return Rows(named, shown, count, more or len(rows) > ROWS, max([len(columns), *map(len, rows)]) > COLUMNS)


def _cell(text: str) -> Cell:
    """A number that is written as one is a number; what is empty is missing. Codes such as 007 stay text."""
    if not text:
        return None
    if text[0] in "0123456789-." and len(text) < 25 and "_" not in text and not (text[0] == "0" and text[1:2].isdigit()):
        try:
            number = float(text)
        except ValueError:
            return _cut(text)
        return number if math.isfinite(number) and abs(number) < 1 << 53 else _cut(text)
    return _cut(text)


def plain(value: Any) -> Cell:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, int | float):  # NaN and what is too great for a float are smaller than nothing
        return float(value) if abs(value) < 1 << 53 else _cut(str(value))
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, bytes):
        return _cut(value[:CELL].hex())
    return _cut(json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, list | dict) else str(value))


def _cut(text: str) -> str:
    """Half of a surrogate pair, which JSON may hold and UTF-8 may not, becomes a question mark."""
    text = text[: CELL + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= CELL else text[: CELL - 1] + "…"

"""The first rows of a file that holds a table: CSV, TSV, Parquet, JSON. Bounded in rows, columns, characters, and in what is read.

A file that is none of these, or is broken, has no first rows: it is shown as text, or not at all.
"""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROWS, COLUMNS, CELL = 200, 60, 300
HEAD_BYTES, JSON_BYTES, GROUP_BYTES = 1 << 20, 4 << 20, 64 << 20
READ_BYTES = 256 << 20  # what the first rows of a Parquet file may come to in memory
STORED_WHOLE = frozenset({"PLAIN", "RLE", "BIT_PACKED"})  # encodings in which every value of a text takes its place in the file
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
    return _bounded(found[0], [[_cell(one) for one in row] for row in body[: ROWS + 1]], None, not whole)


def _parquet(file: Path) -> Rows | None:
    """A text that stands in every row is kept once in the file, so a file of 500 bytes may hold gigabytes: it is read once, too."""
    import pyarrow as pa  # 50 MB that a server needs for nothing else before
    import pyarrow.parquet as pq

    limits = {"thrift_string_size_limit": 10 << 20, "thrift_container_size_limit": 100_000}
    try:
        with pq.ParquetFile(file, **limits) as opened:
            about, names = opened.metadata, opened.schema_arrow.names
            texts = _texts(opened.schema_arrow)
            if about.num_row_groups and _most_bytes(about.row_group(0), opened.schema, texts) > READ_BYTES:
                return None
        with pq.ParquetFile(file, metadata=about, read_dictionary=texts, **limits) as opened:
            wanted = names[: COLUMNS + 1]
            batch = next(opened.iter_batches(batch_size=ROWS, columns=wanted), None) if about.num_row_groups else None
            rows = [] if batch is None else [list(row) for row in zip(*map(_values, batch.columns), strict=True)]
            return _bounded(list(names), rows, about.num_rows, about.num_rows > len(rows))
    except (pa.ArrowException, NotImplementedError):
        return None


def _texts(schema: Any) -> list[str]:
    """The columns of text or bytes."""
    import pyarrow as pa

    kinds = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return [one.name for one in schema if one.type in kinds]


def _most_bytes(group: Any, schema: Any, texts: Sequence[str]) -> int:
    """What the first rows may come to, as far as the file says the truth about itself."""
    chunks = [(group.column(place), schema.column(place)) for place in range(group.num_columns)]
    if group.total_byte_size > GROUP_BYTES or len({chunk.path_in_schema for chunk, _ in chunks}) < len(chunks):
        return READ_BYTES + 1
    return sum(_weight(chunk, leaf, chunk.path_in_schema in texts) for chunk, leaf in chunks)


def _weight(chunk: Any, leaf: Any, text: bool) -> int:
    """Bytes of one column. A row of lists may hold all values of the group."""
    values = chunk.num_values if leaf.max_repetition_level else ROWS
    if chunk.physical_type != "BYTE_ARRAY":
        return int(values * max(8, leaf.length or 0) * (8 if leaf.max_repetition_level else 1))  # as Python's objects
    encodings = set(chunk.encodings)
    once = encodings <= STORED_WHOLE or (text and "DELTA_BYTE_ARRAY" not in encodings)
    return int(chunk.total_uncompressed_size * (1 if once else values))


def _values(column: Any) -> list[Cell]:
    """The cells of one column; of a text that stands in many rows there is one."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return [_plain(one) for one in column.to_pylist()]
    places = column.indices.to_pylist()
    shown = {place: _plain(column.dictionary[place].as_py()) for place in set(places) if place is not None}
    return [None if place is None else shown[place] for place in places]


def _of_json(said: Any) -> Rows | None:
    """`{columns, data}` as MLflow's client logs tables, or a list of objects."""
    if isinstance(said, dict) and isinstance(said.get("columns"), list) and isinstance(said.get("data"), list):
        data = [row for row in said["data"] if isinstance(row, list)]
        return _bounded(
            [str(one) for one in said["columns"]], [[_plain(one) for one in row] for row in data[: ROWS + 1]], len(data)
        )
    if isinstance(said, list) and said and all(isinstance(one, dict) for one in said):
        names = list(dict.fromkeys(str(name) for one in said[: ROWS + 1] for name in one))
        return _bounded(names, [[_plain(one.get(name)) for name in names[:COLUMNS]] for one in said[: ROWS + 1]], len(said))
    return None


def _bounded(columns: list[str], rows: list[list[Cell]], count: int | None, more: bool = False) -> Rows:
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


def _plain(value: Any) -> Cell:
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

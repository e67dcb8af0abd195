"""Predictions as Parquet: `PREDICTIONS/WORKSPACE/ENDPOINT/day=YYYY-MM-DD/NAME.parquet`, a row a prediction and variant.

The root is the folder of predictions. A file appears whole or not at all, and its name makes ingestion idempotent. A compacted
file lists in its metadata the files whose rows it holds; a reader that sees both skips those, so that each row is read exactly
once at every moment, and a crash between writing the new file and deleting the old ones does no harm.
"""

import errno
import itertools
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from regie.base.canonical import digest
from regie.base.clock import DAY_MS, day, parse_iso
from regie.base.errors import BadInput, StorageFull
from regie.base.files import held

FACTS: tuple[tuple[str, Any], ...] = (
    ("id", pyarrow.string()), ("request_id", pyarrow.string()), ("key", pyarrow.string()), ("time_ms", pyarrow.int64()),
    ("wall_ms", pyarrow.int64()), ("generation", pyarrow.int64()), ("version", pyarrow.int64()), ("role", pyarrow.string()),
    ("mode", pyarrow.string()), ("output", pyarrow.float64()), ("outputs", pyarrow.list_(pyarrow.float64())),
    ("latency_ms", pyarrow.float64()), ("fallback_from", pyarrow.int64()), ("error", pyarrow.string()),
    ("target_ms", pyarrow.int64()),
)  # fmt: skip
FACT_SCHEMA = pyarrow.schema(FACTS)
INPUT = "in_"
REPLACES = b"regie.replaces"
ROW = ("id", "version", "mode")  # what makes a row of the log one row
TRIES = 20
TAIL_ROWS = 2_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


def ingest(root: Path, workspace: str, records: Iterable[dict[str, Any]], name: str, grown: bool = False) -> int:
    """Write the rows of records (payloads of the log, as dicts); returns how many. The same name twice writes once.

    `grown`: what the name held before is the beginning of these records, whose ingestion was never noted; they take its place. Where
    it was merged since, the rest of them comes under a name of its own.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["e"], day(record["t"])), []).append(record)
    rows = 0
    for (endpoint, of_day), group in groups.items():
        table = _table(group)
        rows += table.num_rows
        folder = _folder(root, workspace, endpoint) / f"day={of_day}"
        with held(_lock(folder)):
            _add(folder, _plain_name(name), table, grown)
    return rows


def _add(folder: Path, name: str, table: pyarrow.Table, grown: bool) -> None:
    facts = _replaced(folder)
    merged = set[str]().union(*facts.values())
    if not grown and f"{name}.parquet" in merged.union(facts):
        return
    if f"{name}.parquet" in merged:
        table = _without(table, [_read_file(folder / one, list(ROW)) for one in facts if facts[one]])
        name = next(one for one in (f"{name}-{number}" for number in itertools.count(2)) if f"{one}.parquet" not in merged)
    if table.num_rows:
        _write(folder, name, table.sort_by([("time_ms", "ascending"), ("id", "ascending")]))


def _without(table: pyarrow.Table, merged: list[pyarrow.Table]) -> pyarrow.Table:
    """The rows that no merged file holds."""
    there = {row for one in merged for row in _identities(one)}
    return table.filter(pyarrow.array([row not in there for row in _identities(table)], pyarrow.bool_()))


def _identities(table: pyarrow.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in ROW), strict=True)


def read(
    root: Path, workspace: str, endpoint: str, from_ms: int, to_ms: int, columns: Sequence[str] | None = None
) -> pyarrow.Table:
    """Rows with `from_ms <= time_ms < to_ms`, sorted by time, then id; a column that a file lacks is null there."""
    folder = _folder(root, workspace, endpoint)
    wanted = None if columns is None else list(dict.fromkeys([*columns, "time_ms", "id"]))
    tables = [FACT_SCHEMA.empty_table()]
    for of_day in _days(folder, from_ms, to_ms):
        for table in _day_tables(folder / of_day, wanted):
            time_ms = table["time_ms"]
            inside = pyarrow.compute.and_(pyarrow.compute.greater_equal(time_ms, from_ms), pyarrow.compute.less(time_ms, to_ms))
            tables.append(table.filter(inside))
    merged = _concat(tables)
    if merged.num_rows:
        merged = merged.sort_by([("time_ms", "ascending"), ("id", "ascending")])
    return merged if columns is None else _select(merged, columns)


def live(root: Path, workspace: str, endpoint: str, from_ms: int, to_ms: int) -> Iterator[tuple[int, list[Path]]]:
    """The files whose rows count, a day at a time: its first millisecond, and its files, the newest day first.

    A file that is gone when it is opened was merged meanwhile: then look again.
    """
    folder = _folder(root, workspace, endpoint)
    for of_day in reversed(_days(folder, from_ms, to_ms)):
        facts = _replaced(folder / of_day)
        gone = set[str]().union(*facts.values())
        yield parse_iso(of_day.removeprefix("day=")), [folder / of_day / name for name in sorted(set(facts) - gone)]


def newest(
    root: Path, workspace: str, endpoint: str, from_ms: int, to_ms: int, columns: Sequence[str], most_rows: int
) -> tuple[pyarrow.Table, bool]:
    """What `read` gives, of the newest whole days that hold at least `most_rows` rows together; and whether that is all of it."""
    folder, first, rows = _folder(root, workspace, endpoint), to_ms, 0
    days = _days(folder, from_ms, to_ms)
    while days and rows < most_rows:
        of_day = days.pop()
        first = parse_iso(of_day.removeprefix("day="))
        rows += sum(_rows_in(folder / of_day / name) for name in _files(folder / of_day))
    return read(root, workspace, endpoint, max(from_ms, first), to_ms, columns), not days


def last_inputs(root: Path, workspace: str, endpoint: str, names: Sequence[str]) -> tuple[dict[str, Any], int] | None:
    """The inputs of some names of the newest row that was answered without an error, and its time; None where none is near the end.

    Bounded: looks at the end of the newest file of the newest day.
    """
    folder = _folder(root, workspace, endpoint)
    for of_day in reversed(_days(folder, None, None)):
        paths = [folder / of_day / name for name in _files(folder / of_day)]
        with suppress(FileNotFoundError):
            return _last_inputs(max(paths, key=lambda path: path.stat().st_mtime_ns), names) if paths else None
    return None


def _last_inputs(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], int] | None:
    with path.open("rb") as handle:
        file = pyarrow.parquet.ParquetFile(handle)
        present = [INPUT + name for name in names if INPUT + name in file.schema_arrow.names]
        group = file.read_row_group(file.num_row_groups - 1, columns=[*present, "mode", "error", "time_ms"])
    tail = group.slice(max(0, group.num_rows - TAIL_ROWS))
    answered = pyarrow.compute.and_(pyarrow.compute.equal(tail["mode"], "live"), pyarrow.compute.is_null(tail["error"]))
    rows = tail.filter(answered)
    if not rows.num_rows or not present:
        return None
    last = rows.slice(rows.num_rows - 1).to_pylist()[0]
    return {name.removeprefix(INPUT): last[name] for name in present}, int(last["time_ms"])


def _rows_in(path: Path) -> int:
    with suppress(FileNotFoundError):
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    return 0


def compact(root: Path, workspace: str, endpoint: str, of_day: str) -> int:
    """Merge the files of a closed day into one; returns how many it replaced (0: nothing to do).

    Ingestion into the day waits meanwhile, and so does another caller; readers are not disturbed.
    """
    folder = _folder(root, workspace, endpoint) / f"day={of_day}"
    if not folder.is_dir():
        return 0
    with held(_lock(folder)):
        return _compact(folder)


def _compact(folder: Path) -> int:
    facts = _replaced(folder)
    gone = set().union(*facts.values()) if facts else set()
    for name in gone & set(facts):  # left by a crash after an earlier merge
        with suppress(FileNotFoundError):
            (folder / name).unlink()
    alive = sorted(set(facts) - gone)
    if len(alive) < 2:
        return 0
    names = sorted(set(alive).union(*(facts[name] for name in alive)))
    merged = _concat([_read_file(folder / name, None) for name in alive])
    merged = merged.sort_by([("time_ms", "ascending"), ("id", "ascending")])
    merged = merged.replace_schema_metadata({REPLACES: json.dumps(names).encode()})
    _write(folder, f"merged-{digest(names).removeprefix('sha256:')[:32]}", merged)
    for name in alive:
        with suppress(FileNotFoundError):
            (folder / name).unlink()
    return len(alive)


def days(root: Path, workspace: str, endpoint: str) -> list[str]:
    """The UTC days that have rows, oldest first."""
    return [name.removeprefix("day=") for name in _days(_folder(root, workspace, endpoint), None, None)]


def files(root: Path, workspace: str, endpoint: str, of_day: str) -> int:
    """How many files hold the rows of a day."""
    return len(_files(_folder(root, workspace, endpoint) / f"day={of_day}"))


def ingested(root: Path, workspace: str, endpoint: str, of_day: str) -> set[str]:
    """The names under which the rows of a day were ingested, merged or not."""
    return _known(_folder(root, workspace, endpoint) / f"day={of_day}")


def _table(records: Sequence[dict[str, Any]]) -> pyarrow.Table:
    columns: dict[str, list[Any]] = {name: [] for name, _ in FACTS}
    inputs: dict[str, list[Any]] = {}
    count = 0
    for record in records:
        for row in _rows(record):
            for name, value in row.pop("inputs").items():
                inputs.setdefault(INPUT + name, [None] * count).append(value)
            for name, value in row.items():
                columns[name].append(value)
            count += 1
            for values in inputs.values():
                if len(values) < count:
                    values.append(None)
    arrays = {name: pyarrow.array(columns[name], kind) for name, kind in FACTS}
    return pyarrow.table(arrays | {name: _array(values) for name, values in inputs.items()})


def _rows(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ids = record["ids"]
    nothing: list[Any] = [None] * len(ids)
    names = record.get("cols") or []
    outputs, keys, times = record.get("y") or nothing, record.get("keys") or nothing, record.get("times") or nothing
    rows = record.get("rows") or nothing
    for index, prediction in enumerate(ids):
        output = outputs[index]
        several = isinstance(output, list)
        yield {
            "id": prediction, "request_id": record["rid"], "key": keys[index], "time_ms": record["t"], "wall_ms": record["wall"],
            "generation": record["g"], "version": record["v"], "role": record["r"], "mode": record["m"],
            "output": None if output is None or several else float(output), "outputs": output if several else None,
            "latency_ms": record["ms"], "fallback_from": record.get("fb"), "error": record.get("err"),
            "target_ms": times[index], "inputs": dict(zip(names, rows[index] or (), strict=False)),
        }  # fmt: skip


def _array(values: list[Any]) -> pyarrow.Array:
    """An input column; what is of several types is kept as JSON text, so that no row is lost."""
    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        if all(value is None or isinstance(value, int | float) for value in values):
            return pyarrow.array([None if value is None else float(value) for value in values])
        return pyarrow.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values])


def _day_tables(folder: Path, columns: list[str] | None) -> list[pyarrow.Table]:
    """The live files of a day, each read whole. A file that goes while we read was merged: then look again."""
    for attempt in range(TRIES):
        facts = _replaced(folder)
        gone = set().union(*facts.values()) if facts else set()
        try:
            return [_read_file(folder / name, columns) for name in sorted(set(facts) - gone)]
        except FileNotFoundError:
            if attempt == TRIES - 1:
                raise
    return []


def _replaced(folder: Path) -> dict[str, set[str]]:
    """Each file of a day, and the names that it replaces.

    Listing is not atomic, so it is repeated until two listings agree: one could show neither an old file nor its new one.
    """
    facts: dict[str, set[str]] = {}
    names: list[str] | None = None
    while (again := _files(folder)) != names:
        names = again
        for name in set(names) - set(facts):
            with suppress(FileNotFoundError):
                facts[name] = _replaces(folder / name)
    return {name: facts.get(name, set()) for name in names}


def _replaces(path: Path) -> set[str]:
    if not path.name.startswith("merged-"):
        return set()
    metadata = pyarrow.parquet.read_schema(path).metadata or {}
    return set(json.loads(metadata.get(REPLACES, b"[]")))


def _known(folder: Path) -> set[str]:
    """The names of what was ingested into a day, merged or not."""
    facts = _replaced(folder)
    return {name.removesuffix(".parquet") for name in set(facts).union(*facts.values())}


def _lock(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _files(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".parquet") and entry.name[0] != ".")
    return []


def _days(folder: Path, from_ms: int | None, to_ms: int | None) -> list[str]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith("day="))
    except FileNotFoundError:
        return []
    if from_ms is None or to_ms is None:
        return names
    return [name for name in names if (start := parse_iso(name[4:])) < to_ms and from_ms < start + DAY_MS]


def _read_file(path: Path, columns: list[str] | None) -> pyarrow.Table:
    with path.open("rb") as handle:
        file = pyarrow.parquet.ParquetFile(handle)
        present = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
        return file.read(columns=present).replace_schema_metadata(None)


def _write(folder: Path, name: str, table: pyarrow.Table) -> None:
    """Write a file so that it appears whole, and stays after a power cut."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            pyarrow.parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / f"{name}.parquet")
        at = os.open(folder, os.O_RDONLY)
        os.fsync(at)
        os.close(at)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull("the disk is full; the rows were not stored", str(folder), "free some space") from error
        raise
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


def _concat(tables: list[pyarrow.Table]) -> pyarrow.Table:
    """All rows; numbers of different types become the wider one, a column that changed its type otherwise becomes text."""
    types: dict[str, set[Any]] = {}
    for table in tables:
        for column in table.schema:
            types.setdefault(column.name, set()).add(column.type)
    inputs = {name: kinds for name, kinds in types.items() if name.startswith(INPUT)}  # the facts have one schema
    mixed = {name for name, kinds in inputs.items() if not _one_type({kind for kind in kinds if kind != pyarrow.null()})}
    alike = [_with_texts(table, mixed) for table in tables] if mixed else tables
    return pyarrow.concat_tables(alike, promote_options="permissive")


def _with_texts(table: pyarrow.Table, names: set[str]) -> pyarrow.Table:
    columns = {name: table[name] for name in table.column_names}
    return pyarrow.table({name: one.cast(pyarrow.string()) if name in names else one for name, one in columns.items()})


def _one_type(kinds: set[Any]) -> bool:
    return len(kinds) < 2 or all(pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) for kind in kinds)


def _select(table: pyarrow.Table, columns: Sequence[str]) -> pyarrow.Table:
    nothing = pyarrow.nulls(table.num_rows)
    return pyarrow.table({name: table[name] if name in table.column_names else nothing for name in columns})


def _folder(root: Path, workspace: str, endpoint: str) -> Path:
    return root / _plain_name(workspace) / _plain_name(endpoint)


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} cannot be the name of a file", do="use letters, digits, dots, dashes and underscores")
    return name

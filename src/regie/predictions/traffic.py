"""What passed through an endpoint, counted by time, generation of the route, version and kind.

A request is what has one id and one time, however many rows it has. Its kind: `live`, answered by the version; `shadow`, only listened
to; `instead`, answered by the champion because the version, under which it is counted here, did not. Latencies are kept in bins that
grow by 2 %, so a percentile is off by 1 % at most.

Files of the log do not change, so what was counted of one is remembered, up to `MEMORY_BYTES`; a call reads at most about `most_rows`
rows that it does not remember, of the newest days first, says how far it came, and the next call goes on from there.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from regie.predictions import lake

Kind = Literal["live", "shadow", "instead"]
KINDS: tuple[Kind, ...] = ("live", "shadow", "instead")
MOST_ROWS = 300_000  # a quarter of a second of reading
MOST_FILES = 2_000  # most of them small: a third of a millisecond each
MEMORY_BYTES = 16 << 20
LEAST_MS, GROWTH = 0.001, 1.02
BINS = 1_200  # up to more than five hours
_COLUMNS = ("request_id", "time_ms", "generation", "version", "mode", "output", "outputs", "latency_ms", "fallback_from", "error")
_KEY = ("slot_ms", "generation", "version", "kind", "bin")
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Flow:
    """The requests of one version and kind in one slot of time. `failed`: nobody answered them. `bins`: how many took so long."""

    slot_ms: int
    generation: int
    version: int
    kind: Kind
    failed: int
    bins: Counts

    @property
    def requests(self) -> int:
        return int(self.bins.sum())


@dataclass(frozen=True)
class Traffic:
    """`flows` of the slots that touch the stretch, in order of time. Before `since_ms` not everything is counted yet."""

    flows: tuple[Flow, ...]
    step_ms: int
    since_ms: int
    complete: bool


def count(
    root: Path, workspace: str, endpoint: str, from_ms: int, to_ms: int, step_ms: int, most_rows: int = MOST_ROWS
) -> Traffic:  # fmt: skip
    """The traffic of the slots of `step_ms` that touch `from_ms <= time < to_ms`."""
    first = from_ms // step_ms * step_ms
    last = -(-to_ms // step_ms) * step_ms
    tables, since_ms, left = [_EMPTY], last, [most_rows, MOST_FILES]
    for day_ms, files in lake.live(root, workspace, endpoint, first, last):
        tables += list(_tallies(files, step_ms, left))
        if min(left) < 0:
            break
        since_ms = day_ms
    else:
        since_ms = first
    return Traffic(_flows(pa.concat_tables(tables), first, last), step_ms, max(first, since_ms), min(left) >= 0)


def percentiles(bins: Counts, wanted: Sequence[float] = (50, 95, 99)) -> list[float | None]:
    """Latencies in milliseconds, by the nearest rank; None where there is no request.

    >>> one = np.bincount([bin_of(3.0)] * 19 + [bin_of(80.0)], minlength=BINS)
    >>> [round(each) for each in percentiles(one)]
    [3, 3, 80]
    """
    running = np.cumsum(bins)
    total = int(running[-1]) if len(running) else 0
    if not total:
        return [None] * len(wanted)
    ranks = [max(1, math.ceil(total * each / 100)) for each in wanted]
    return [_middle_ms(int(np.searchsorted(running, rank))) for rank in ranks]


def together(flows: Sequence[Flow]) -> Counts:
    """The bins of several."""
    return np.sum([flow.bins for flow in flows], axis=0) if flows else np.zeros(BINS, np.int64)


def bin_of(ms: float) -> int:
    """The bin of a latency."""
    return int(_bins(np.asarray([ms]))[0])


def _middle_ms(number: int) -> float:
    return float(f"{LEAST_MS * GROWTH ** (number + 0.5):.4g}")


def _bins(latency_ms: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    steps = np.log(np.maximum(latency_ms, LEAST_MS) / LEAST_MS) / math.log(GROWTH)
    return np.minimum(np.nan_to_num(steps), BINS - 1).astype(np.int16)


class _Memory:
    """What was counted of files, by name, length, time of writing and step; what was asked for longest ago is forgotten."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple[str, int, int, int], pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int, int]) -> pa.Table | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: tuple[str, int, int, int], table: pa.Table) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = table
                self._bytes += table.nbytes + 512  # an entry costs more than its numbers
            while self._bytes > self._most_bytes and self._kept:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes + 512


_MEMORY = _Memory(MEMORY_BYTES)
_READING = threading.Lock()  # of many who ask at once, one reads; the others find it remembered


def _tallies(files: Sequence[Path], step_ms: int, left: list[int]) -> Iterator[pa.Table]:
    """What each file holds; `left` is what may still be read: rows, files. Stops where one of them is below zero."""
    for path in files:
        if min(left) < 0:
            return
        try:
            fact = path.stat()
        except FileNotFoundError:
            continue  # merged meanwhile: the next call counts it
        key = (str(path), fact.st_size, fact.st_mtime_ns, step_ms)
        found = _MEMORY.get(key)
        if found is None:
            with _READING:
                found = _MEMORY.get(key) or _read(path, key, left)
        if found is not None:
            yield found


def _read(path: Path, key: tuple[str, int, int, int], left: list[int]) -> pa.Table | None:
    try:
        with path.open("rb") as handle:
            file = pyarrow.parquet.ParquetFile(handle)
            rows = file.read(columns=[name for name in _COLUMNS if name in file.schema_arrow.names])
    except FileNotFoundError:
        return None
    left[0] -= rows.num_rows
    left[1] -= 1
    made = _tally(rows.replace_schema_metadata(None), key[-1])
    _MEMORY.keep(key, made)
    return made


def _tally(rows: pa.Table, step_ms: int) -> pa.Table:
    """The requests of a file, by slot, generation, version, kind and bin."""
    answered = pc.or_(pc.is_valid(rows["output"]), pc.is_valid(rows["outputs"]))
    rows = rows.append_column("failed", pc.and_(pc.is_valid(rows["error"]), pc.invert(answered)))
    same = ["request_id", "time_ms", "generation", "version", "mode"]
    asked = rows.group_by(same).aggregate([("failed", "max"), ("latency_ms", "max"), ("fallback_from", "max")])
    instead = pc.is_valid(asked["fallback_from_max"])
    kind = pc.if_else(instead, 2, pc.if_else(pc.equal(asked["mode"], "shadow"), 1, 0))
    time_ms = asked["time_ms"].to_numpy()
    table = pa.table(
        {
            "slot_ms": time_ms // step_ms * step_ms, "generation": asked["generation"],
            "version": pc.coalesce(asked["fallback_from_max"], asked["version"]), "kind": pc.cast(kind, pa.int8()),
            "bin": _bins(asked["latency_ms_max"].to_numpy()), "failed": pc.cast(asked["failed_max"], pa.int64()),
            "count": np.ones(len(time_ms), np.int64),
        }
    )  # fmt: skip
    return _summed(table)


def _summed(table: pa.Table) -> pa.Table:
    summed = table.group_by(list(_KEY)).aggregate([("failed", "sum"), ("count", "sum")])
    return summed.rename_columns([*_KEY, "failed", "count"]).select(_EMPTY.column_names).cast(_EMPTY.schema)


_EMPTY = pa.schema(
    [("slot_ms", pa.int64()), ("generation", pa.int64()), ("version", pa.int64()), ("kind", pa.int8()), ("bin", pa.int16()),
     ("failed", pa.int64()), ("count", pa.int64())]
).empty_table()  # fmt: skip


def _flows(table: pa.Table, first: int, last: int) -> tuple[Flow, ...]:
    inside = pc.and_(pc.greater_equal(table["slot_ms"], first), pc.less(table["slot_ms"], last))
    table = _summed(table.filter(inside)).sort_by([(name, "ascending") for name in _KEY])
    columns = {name: table[name].to_numpy() for name in table.column_names}
    if not table.num_rows:
        return ()
    keys = np.stack([columns[name].astype(np.int64) for name in _KEY[:4]], axis=1)
    starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(keys)]
    return tuple(_flow(columns, keys, slice(start, end)) for start, end in zip(starts.tolist(), ends.tolist(), strict=True))


def _flow(columns: dict[str, npt.NDArray[np.int64]], keys: Counts, rows: slice) -> Flow:
    slot_ms, generation, version, kind = keys[rows.start].tolist()
    bins = np.bincount(columns["bin"][rows], columns["count"][rows], minlength=BINS).astype(np.int64)
    return Flow(slot_ms, generation, version, KINDS[kind], int(columns["failed"][rows].sum()), bins)

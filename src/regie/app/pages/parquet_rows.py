"""The first rows of a Parquet file, as JSON on the standard output: `python -m regie.app.pages.parquet_rows FILE`.

A process of its own, since a file may lie: its footer may say small sizes where its pages unpack into gigabytes, and what is broken in
the right way ends whoever reads it. This one has `ROOM_BYTES` and `CPU_S`, and is nobody's loss. Prints nothing for what is no
table, or too large.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from regie.app.pages.table_files import COLUMNS, ROWS, Cell, Rows, bounded, plain

GROUP_BYTES = 64 << 20
READ_BYTES = 256 << 20  # what the first rows may come to in memory, as far as the file says the truth about itself
STORED_WHOLE = frozenset({"PLAIN", "RLE", "BIT_PACKED"})  # encodings in which every value of a text takes its place in the file
ROOM_BYTES, CPU_S = 512 << 20, 15


def main(file: Path) -> int:
    """The exit code."""
    # The system's own memory takes no gigabyte in advance, of which a limit would leave nothing.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    import pyarrow.parquet  # noqa: F401 - before the limit, which is for what the file asks for

    _limit()
    with suppress(MemoryError):
        if (found := rows_of(file)) is not None:
            sys.stdout.write(json.dumps(asdict(found)))
    return 0


def _limit() -> None:
    """From here on: so much more memory than now, and so much time. Only Linux says how much it is now; others keep the time."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + ROOM_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def rows_of(file: Path) -> Rows | None:
    """A text that stands in every row is kept once in the file, so a file of 500 bytes may hold gigabytes: it is read once, too."""
    import pyarrow as pa
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
            batch = (
                next(opened.iter_batches(batch_size=ROWS, columns=wanted, use_threads=False), None)
                if about.num_row_groups
                else None
            )
            rows = [] if batch is None else [list(row) for row in zip(*map(_values, batch.columns), strict=True)]
            return bounded(list(names), rows, about.num_rows, about.num_rows > len(rows))
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
        return [plain(one) for one in column.to_pylist()]
    places = column.indices.to_pylist()
    shown = {place: plain(column.dictionary[place].as_py()) for place in set(places) if place is not None}
    return [None if place is None else shown[place] for place in places]


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

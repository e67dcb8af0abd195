"""Lists as files, sent while they are read: NDJSON, JSON, or CSV with cells that no spreadsheet runs."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from fastapi.responses import StreamingResponse

Form = Literal["ndjson", "json", "csv"]
TYPES: Mapping[Form, str] = {"ndjson": "application/x-ndjson", "json": "application/json", "csv": "text/csv; charset=utf-8"}
PIECE = 500  # rows
# What a spreadsheet takes for a formula (OWASP, CSV Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def streamed(rows: Iterable[Mapping[str, Any]], form: Form, name: str, columns: Sequence[str]) -> StreamingResponse:
    """The rows as a file to keep, `NAME.FORM`; `columns`: those of the CSV, whose cells hold JSON where a value has parts."""
    made = _csv(rows, columns) if form == "csv" else _json(rows) if form == "json" else _ndjson(rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(_pieces(made), media_type=TYPES[form], headers=headers)


def _ndjson(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield _text(row) + "\n"


def _json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + _text(row)
        before = ",\n"
    yield "]\n" if before == ",\n" else "[]\n"


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    kept = io.StringIO()
    writer = csv.writer(kept)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
        yield kept.getvalue()
        kept.seek(0)
        kept.truncate()
    yield kept.getvalue()  # the heading, where there is no row


def _pieces(texts: Iterable[str]) -> Iterator[bytes]:
    """Several rows a piece: each one costs a turn of the server's loop."""
    waiting: list[str] = []
    for text in texts:
        waiting.append(text)
        if len(waiting) == PIECE:
            yield "".join(waiting).encode()
            waiting.clear()
    yield "".join(waiting).encode()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else _text(value)
    return "'" + text if text.startswith(FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    """`-0.5` is no formula."""
    try:
        return text.isascii() and "_" not in text and text == text.strip() and math.isfinite(float(text))
    except ValueError:
        return False


def _text(value: Any) -> str:
    # A lone surrogate, which JSON can carry and UTF-8 cannot, stays escaped.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace").decode()

"""From the records of a request to what a model and the log need: checked rows, keys, target times.

Key and time columns are split off where the model does not take them itself. An absent key is null; an absent time is the event's.
"""

from typing import Any

from regie.base.clock import parse_iso
from regie.runtime.signature import BadRow, Row, RowReader
from regie.serving.routefile import Endpoint

KEY_CHARS = 500


class Splitter:
    """Splits records of one endpoint. Changes the records. Raises BadRow, which names row and column."""

    def __init__(self, endpoint: Endpoint, reader: RowReader) -> None:
        self._reader = reader
        self._key = tuple((column, column in reader.names) for column in endpoint.key)
        self._time = endpoint.time
        self._time_is_feature = endpoint.time in reader.names

    def split(self, records: list[dict[str, Any]], event_ms: int) -> tuple[list[Row], list[str | None], list[int]]:
        """Rows, keys and target times, one of each a record."""
        rows: list[Row] = []
        keys: list[str | None] = []
        times: list[int] = []
        for number, record in enumerate(records, 1):
            keys.append(self._key_of(record, number) if self._key else None)
            times.append(self._time_of(record, number, event_ms) if self._time else event_ms)
            rows.append(self._reader.row(record, number))
        return rows, keys, times

    def _key_of(self, record: dict[str, Any], number: int) -> str | None:
        parts = []
        for column, is_feature in self._key:
            value = record.get(column) if is_feature else record.pop(column, None)
            parts.append(None if value is None else _key_text(value, column, number))
        if None in parts:
            return None
        return "|".join(part for part in parts if part is not None)

    def _time_of(self, record: dict[str, Any], number: int, event_ms: int) -> int:
        assert self._time is not None
        value = record.get(self._time) if self._time_is_feature else record.pop(self._time, None)
        if value is None:
            return event_ms
        try:
            return time_ms(value)
        except ValueError:
            raise BadRow(number, self._time, f"{self._time} is not a time", "send ISO 8601, or milliseconds since 1970") from None


def time_ms(value: Any) -> int:
    """Milliseconds of a time as JSON has it. Raises ValueError."""
    if isinstance(value, str):
        return parse_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or abs(value) > 1 << 53:
        raise ValueError("not a time")
    return int(value)


def _key_text(value: Any, column: str, number: int) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, float) and value.is_integer():  # 3.0 and 3 are one number in JSON, so one key
        text = str(int(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        raise BadRow(number, column, f"the key {column} is {type(value).__name__}, not text or a number")
    if len(text) > KEY_CHARS:
        raise BadRow(number, column, f"the key {column} has more than {KEY_CHARS} characters", "send a shorter key")
    return text

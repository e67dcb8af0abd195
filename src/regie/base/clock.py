"""The only place that reads the machine's clock.

Times are UTC, integer milliseconds. *Business* time (windows, schedules, stages) comes from the workspace's row in the
database; what this module gives is *wall* time (leases, heartbeats, timeouts).
"""

import time
from datetime import UTC, datetime

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

UNITS_MS = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": WEEK_MS}


def wall_ms() -> int:
    """Now, in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds on a clock that never goes back; for deadlines and latencies."""
    return time.monotonic()


def iso(ms: int) -> str:
    """`2013-02-15T00:00:00Z`: how a time is shown and written into events."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time or date; a time without a zone is UTC.

    Raises ValueError for anything else.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def day(ms: int) -> str:
    """`2013-02-15`: the UTC day of a time, which is the block of paired comparisons."""
    return iso(ms)[:10]


def span(ms: int) -> str:
    """`26h`, `7d`, `8w`: the shortest exact way to write a duration."""
    for unit in ("w", "d", "h", "m", "s"):
        if ms and ms % UNITS_MS[unit] == 0:
            return f"{ms // UNITS_MS[unit]}{unit}"
    return f"{ms}ms"

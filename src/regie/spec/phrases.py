"""The short phrases of `regie.yaml`: stages, windows, columns, ages, repetitions, schedules.

Each has a `parse_*` that raises Malformed (or Reserved) with an offset, and a `.text` that reads back to an equal phrase.
Durations are integer milliseconds of business time.
"""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regie.base.clock import DAY_MS, HOUR_MS, WEEK_MS
from regie.spec.scanner import Malformed, Reserved, Scanner, nearest, plain, written

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
REPEATS_MS = {"hour": HOUR_MS, "day": DAY_MS, "week": WEEK_MS}
TYPES = ("int", "float", "bool", "str", "cat", "time")


@dataclass(frozen=True)
class Stage:
    """One stage of a rollout. `share`: of the requests, in a canary; `for_ms`: 0 for `full`."""

    kind: str
    for_ms: int = 0
    share: float | None = None

    @property
    def text(self) -> str:
        if self.kind == "canary":
            return f"canary {plain(round((self.share or 0) * 100, 10))}% for {written(self.for_ms)}"
        return self.kind if self.kind == "full" else f"{self.kind} {written(self.for_ms)}"


@dataclass(frozen=True)
class Window:
    """Which rows: all of them (`last_ms` is None), or the newest stretch."""

    last_ms: int | None = None

    @property
    def text(self) -> str:
        return "all" if self.last_ms is None else f"last {written(self.last_ms)}"


@dataclass(frozen=True)
class ColumnType:
    """A column's type, its values (of a `cat`, in their order), and its range, ends included unless `*_open`."""

    type: str
    nullable: bool = False
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def text(self) -> str:
        head = f"cat[{', '.join(self.values)}]" if self.type == "cat" else self.type
        return head + ("?" if self.nullable else "") + self._range()

    def _range(self) -> str:
        if self.low is not None and self.high is not None:
            return f" == {plain(self.low)}" if self.low == self.high else f" {plain(self.low)}..{plain(self.high)}"
        if self.low is not None:
            return f" {'>' if self.low_open else '>='} {plain(self.low)}"
        return f" {'<' if self.high_open else '<='} {plain(self.high)}" if self.high is not None else ""


@dataclass(frozen=True)
class Repeat:
    """At most `count` times per stretch."""

    count: int
    per: str

    @property
    def per_ms(self) -> int:
        return REPEATS_MS[self.per]

    @property
    def text(self) -> str:
        return f"{self.count}/{self.per}"


@dataclass(frozen=True)
class Breach:
    """`3 of 5`: so many broken windows among so many newest ones."""

    broken: int
    of: int

    @property
    def text(self) -> str:
        return f"{self.broken} of {self.of}"


@dataclass(frozen=True)
class Schedule:
    """Every so often, or at a time of day in a zone, every day or on one weekday (0 is Monday)."""

    every_ms: int | None = None
    weekday: int | None = None
    hour: int = 0
    minute: int = 0
    zone: str = "UTC"

    @property
    def text(self) -> str:
        if self.every_ms is not None:
            return written(self.every_ms)
        day = f"{WEEKDAYS[self.weekday]} " if self.weekday is not None else ""
        return f"{day}{self.hour:02}:{self.minute:02}" + ("" if self.zone == "UTC" else f" {self.zone}")

    def next_after(self, ms: int) -> int:
        """The first time strictly after `ms`. A duration counts from 1970; a local time that a clock change skips moves on."""
        if self.every_ms is not None:
            return (ms // self.every_ms + 1) * self.every_ms
        zone = zoneinfo.ZoneInfo(self.zone)
        first = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date() - timedelta(days=1)
        # Ten days hold a yesterday, every weekday, and one to spare for a clock change.
        for day in (first + timedelta(days=n) for n in range(10)):
            local = datetime(day.year, day.month, day.day, self.hour, self.minute, tzinfo=zone)
            at = round(local.timestamp() * 1000)
            if at > ms and self.weekday in (None, day.weekday()):
                return at
        raise AssertionError("a week holds every weekday")


def parse_stage(text: str) -> Stage:
    scan = Scanner(text)
    if scan.accept("ab"):
        raise Reserved("`ab` stages are not there yet", 0, "use shadow, canary, full and watch")
    kind = scan.choice("a stage", ("shadow", "canary", "full", "watch"))
    stage = _canary(scan) if kind == "canary" else Stage(kind, 0 if kind == "full" else scan.duration_ms())
    scan.end()
    return stage


def _canary(scan: Scanner) -> Stage:
    start, share = scan.at, scan.quantity()
    if share.kind != "fraction" or not 0 < share.number < 100:
        raise Malformed("a canary needs a share of the requests between 0% and 100%", start, "canary 5% for 2d")
    scan.expect("for", "write for example `canary 5% for 2d`")
    return Stage("canary", scan.duration_ms(), share.value)


def parse_window(text: str) -> Window:
    scan = Scanner(text)
    window = Window() if scan.choice("a window", ("all", "last")) == "all" else Window(scan.duration_ms())
    scan.end()
    return window


def parse_last(text: str) -> Window:
    """A window that is not `all`."""
    window = parse_window(text)
    if window.last_ms is None:
        raise Malformed("`all` would leave nothing to train on", 0, "write for example `last 7d`")
    return window


def parse_duration(text: str) -> int:
    """Milliseconds."""
    scan = Scanner(text)
    duration_ms = scan.duration_ms()
    scan.end()
    return duration_ms


def parse_column(text: str) -> ColumnType:
    scan = Scanner(text)
    kind = scan.choice("a type", TYPES)
    values = _values(scan) if kind == "cat" else ()
    nullable = scan.accept("?") is not None
    start = scan.at
    low, high, low_open, high_open = _range(scan)
    if (low is not None or high is not None) and kind not in ("int", "float"):
        raise Malformed(f"a range has no meaning for `{kind}`", start)
    scan.end()
    return ColumnType(kind, nullable, values, low, high, low_open, high_open)


def _values(scan: Scanner) -> tuple[str, ...]:
    scan.expect("[", "write for example cat[basic, plus, pro]")
    inside, start = scan.until("]")
    values = tuple(value.strip() for value in inside.split(","))
    if not all(values) or len(set(values)) != len(values):
        raise Malformed("the values of a `cat` must be distinct and not empty", start)
    return values


def _range(scan: Scanner) -> tuple[float | None, float | None, bool, bool]:
    if scan.at >= len(scan.text):
        return None, None, False, False
    sign = scan.accept(">=", "<=", "==", ">", "<")
    start, number = scan.at, scan.plain_number(signed=True)
    if sign is None:
        scan.expect("..", "write for example `18..110` or `>= 0`")
        high = scan.plain_number(signed=True)
        if high < number:
            raise Malformed("the range ends before it starts", start)
        return number, high, False, False
    if sign == "==":
        return number, number, False, False
    return (number, None, sign == ">", False) if sign[0] == ">" else (None, number, False, sign == "<")


def parse_age(text: str) -> int:
    """`champion older than 8w`: milliseconds."""
    scan = Scanner(text)
    for word in ("champion", "older", "than"):
        scan.expect(word, "write for example `champion older than 8w`")
    older_ms = scan.duration_ms()
    scan.end()
    return older_ms


def parse_repeat(text: str) -> Repeat:
    scan = Scanner(text)
    count = scan.count()
    scan.expect("/", "write for example `1/day`")
    repeat = Repeat(count, scan.choice("a stretch", REPEATS_MS))
    scan.end()
    return repeat


def parse_breach(text: str) -> Breach:
    scan = Scanner(text)
    broken = scan.count()
    scan.expect("of", "write for example `3 of 5`")
    start, of = scan.at, scan.count()
    if of < broken:
        raise Malformed(f"{broken} of {of} can never be", start)
    scan.end()
    return Breach(broken, of)


def parse_top(text: str) -> int:
    """`top 10`."""
    scan = Scanner(text)
    scan.expect("top", "write `top 10`, or a list of columns")
    count = scan.count()
    scan.end()
    return count


def parse_schedule(text: str) -> Schedule:
    words = text.split()
    head = words[0] if words else ""
    if head[:1].isdigit() and ":" not in head:
        return Schedule(every_ms=parse_duration(text))
    weekday = None
    if head[:1].isalpha():
        if head not in WEEKDAYS:
            raise Malformed(f"`{head}` is not a weekday", text.index(head), nearest(head, WEEKDAYS))
        weekday, words = WEEKDAYS.index(head), words[1:]
    clock = words[0] if words else ""
    hour, colon, minute = clock.partition(":")
    right = colon and len(hour) == len(minute) == 2 and (hour + minute).isascii() and (hour + minute).isdigit()
    if not right or int(hour) > 23 or int(minute) > 59:
        raise Malformed("expected a time of day", text.find(clock), "write for example `Mon 06:00 Europe/Paris` or `12h`")
    return Schedule(None, weekday, int(hour), int(minute), _zone(text, words[1:]))


def _zone(text: str, words: list[str]) -> str:
    if len(words) > 1:
        raise Malformed(f"`{words[1]}` is too much here", text.rindex(words[1]))
    zone = words[0] if words else "UTC"
    if zone not in zoneinfo.available_timezones():
        raise Malformed(f"`{zone}` is not a time zone", text.rindex(zone), nearest(zone, zoneinfo.available_timezones()))
    return zone

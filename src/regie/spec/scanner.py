"""Read words, numbers and symbols out of one short text, and say precisely where it stops making sense.

Offsets are counted in characters from 0, so that the loader can point to file, line and column. Durations are integer
milliseconds; of a quantity, `.value` is a fraction (`2%` is 0.02), milliseconds, bytes or the number itself.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from regie.base.clock import DAY_MS, UNITS_MS, WEEK_MS, span
from regie.base.errors import BadInput, NotThereYet

# Decimal multiples for kB, MB, GB (SI); binary ones for KiB, MiB, GiB (IEC 80000-13).
UNITS_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
# A century: longer is a slip of the finger, and sums of a few still fit any calendar.
LONGEST_MS = 36_525 * DAY_MS
NUMBER = re.compile(r"\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?")
NAME = re.compile(r"[^\W\d]\w*")
BLANK = re.compile(r"\s*")


class Malformed(BadInput):
    """A text that the grammar does not know. `offset`: the character at which it stops making sense."""

    code = "expression.malformed"

    def __init__(self, what: str, offset: int, do: str = "") -> None:
        super().__init__(what, where=f"column {offset + 1}", do=do)
        self.offset = offset


class Reserved(NotThereYet):
    """A text that the grammar reserves for what is not there yet."""

    def __init__(self, what: str, offset: int, do: str = "") -> None:
        super().__init__(what, where=f"column {offset + 1}", do=do)
        self.offset = offset


@dataclass(frozen=True)
class Quantity:
    """A number as written, and its unit: `2%`, `20ms`, `500MB`, `0.8`."""

    number: float
    unit: str = ""

    @property
    def kind(self) -> str:
        """`number`, `fraction`, `time` or `bytes`."""
        if not self.unit:
            return "number"
        return "fraction" if self.unit == "%" else "time" if self.unit in UNITS_MS else "bytes"

    @property
    def value(self) -> float:
        """In fractions, milliseconds, bytes, or as it is."""
        if self.unit == "%":
            return self.number / 100
        return self.number * (UNITS_MS.get(self.unit) or UNITS_BYTES.get(self.unit) or 1)

    @property
    def text(self) -> str:
        return f"{plain(self.number)}{self.unit}"


def plain(number: float) -> str:
    """The shortest text that reads back to the same number; no `.0`."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 2**53 else repr(float(number))


def written(duration_ms: int) -> str:
    """A duration as people write it: `7d` rather than `1w`, weeks from four on. Reads back to the same."""
    return f"{duration_ms // DAY_MS}d" if duration_ms % DAY_MS == 0 and duration_ms < 4 * WEEK_MS else span(duration_ms)


def nearest(word: str, valid: Iterable[str]) -> str:
    """What to do about an unknown word: its nearest neighbour, or the list if it has none."""
    words = sorted(valid)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    # A list longer than this (time zones) helps nobody.
    return f"one of: {', '.join(words)}" if 0 < len(words) <= 30 else ""


class Scanner:
    """A cursor over one text. Blanks between words do not matter."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._blanks()

    def _blanks(self) -> None:
        found = BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _advance(self, length: int) -> None:
        self.at += length
        self._blanks()

    def seen(self) -> str:
        """What stands at the cursor, for an error's sentence."""
        rest = self.text[self.at :].split(maxsplit=1)
        return f"`{rest[0]}`" if rest else "the end"

    def malformed(self, what: str, do: str = "") -> Malformed:
        return Malformed(what, min(self.at, len(self.text)), do)

    def accept(self, *symbols: str) -> str | None:
        """Take the first of these symbols or words that stands here; longer ones must come first."""
        for symbol in symbols:
            if not self.text.startswith(symbol, self.at):
                continue
            word = NAME.match(self.text, self.at)
            if word and NAME.fullmatch(symbol) and word.group() != symbol:
                continue
            self._advance(len(symbol))
            return symbol
        return None

    def expect(self, symbol: str, do: str = "") -> None:
        if self.accept(symbol) is None:
            raise self.malformed(f"expected `{symbol}`, found {self.seen()}", do)

    def name(self, what: str, do: str = "") -> str:
        found = NAME.match(self.text, self.at)
        if not found:
            raise self.malformed(f"expected {what}, found {self.seen()}", do)
        self._advance(len(found.group()))
        return found.group()

    def choice(self, what: str, valid: Iterable[str]) -> str:
        """One of the valid words; else the error names the nearest."""
        valid, start = list(valid), self.at
        word = self.name(what, nearest("", valid))
        if word not in valid:
            raise Malformed(f"`{word}` is not {what}", start, nearest(word, valid))
        return word

    def until(self, closing: str) -> tuple[str, int]:
        """Everything before the closing symbol, which is taken too; and where it starts."""
        start, end = self.at, self.text.find(closing, self.at)
        if end < 0:
            self.at = len(self.text)
            raise self.malformed(f"expected `{closing}`, found the end")
        self._advance(end + len(closing) - start)
        return self.text[start:end].strip(), start

    def number(self, signed: bool = False) -> float:
        minus = signed and self.accept("-") is not None
        found = NUMBER.match(self.text, self.at)
        if not found:
            raise self.malformed(f"expected a number, found {self.seen()}")
        number = float(found.group().replace("_", ""))
        if number == float("inf"):
            raise self.malformed("the number is too large")
        # No blanks are skipped: a unit must follow its number at once.
        self.at = found.end()
        return -number if minus else number

    def plain_number(self, signed: bool = False) -> float:
        """A number without a unit."""
        number = self.number(signed)
        if NAME.match(self.text, self.at) or self.text.startswith("%", self.at):
            raise self.malformed(f"expected a number without a unit, found {self.seen()}")
        self._blanks()
        return number

    def count(self) -> int:
        """A whole number of at least one."""
        start, number = self.at, self.number()
        if not number.is_integer() or number < 1:
            raise Malformed("expected a whole number of at least 1", start)
        self._blanks()
        return int(number)

    def quantity(self) -> Quantity:
        number = self.number(signed=True)
        if self.accept("%"):
            return Quantity(number, "%")
        unit, start = NAME.match(self.text, self.at), self.at
        self._advance(len(unit.group()) if unit else 0)
        if not unit:
            return Quantity(number)
        if unit.group() not in UNITS_MS and unit.group() not in UNITS_BYTES:
            raise Malformed(f"`{unit.group()}` is not a unit", start, nearest(unit.group(), [*UNITS_MS, *UNITS_BYTES]))
        return Quantity(number, unit.group())

    def duration_ms(self) -> int:
        start, quantity = self.at, self.quantity()
        if quantity.kind != "time" or not 1 <= quantity.value <= LONGEST_MS:
            raise Malformed("expected a duration", start, "write for example `30m`, `26h`, `7d` or `8w`")
        return round(quantity.value)

    def end(self) -> None:
        if self.at < len(self.text):
            raise self.malformed(f"{self.seen()} is too much here")

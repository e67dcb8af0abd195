"""What a monitor computed for a window, and what that does. Times are business milliseconds, `to_ms` excluded."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["quality", "drift"]
Verdict = Literal["kept", "broken", "none"]
STRANGE = 1.0  # a feature whose drift is above it is stranger than every block of the reference


@dataclass(frozen=True)
class Signal:
    """The value of a monitor in one window of event time, for one version, with its 95 % interval where it has one.

    `coverage`: the share of the window's predictions that have a label and a usable output. `verdict`: `none` says nothing
    either way.
    """

    monitor: str
    kind: Kind
    version: int
    from_ms: int
    to_ms: int
    verdict: Verdict
    because: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    rows: int = 0
    coverage: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """As it is stored and sent: JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Breach:
    """The one open breach of a monitor: of which version, since when."""

    monitor: str
    kind: Kind
    version: int
    opened_ms: int


@dataclass(frozen=True)
class Decision:
    """What a signal does: `open` a breach, `close` the open one, or `wait`; by which rule."""

    do: Literal["open", "close", "wait"]
    because: str

"""What is measured of both servers, the aim of it, and its line in a table."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.tracking.servers import OURS, STOCK


@dataclass(frozen=True)
class Took:
    """One figure of one round; `database`: what PostgreSQL itself took beside it."""

    value: float
    database: float = 0.0


@dataclass(frozen=True)
class Aim:
    """At most so much, and at least so many times better than stock."""

    most: float | None = None
    times: float | None = None


@dataclass(frozen=True)
class Figure:
    """One line. `aims`: for both databases, or of each."""

    said: str
    aims: Aim | Mapping[str, Aim] = field(default_factory=Aim)
    more_is_better: bool = False

    def aim(self, database: str) -> Aim:
        return self.aims if isinstance(self.aims, Aim) else self.aims.get(database, Aim())


@dataclass(frozen=True)
class Size:
    """How much of it: `scale` 1 for the tables, less to try it out."""

    runs: int
    points: int
    scale: float

    def of(self, count: int) -> int:
        return max(1, int(count * self.scale))


Round = dict[str, Took]


@dataclass
class Rounds:
    """What a server did in a part; `failed`: why it did no more."""

    done: list[Round] = field(default_factory=list)
    failed: str = ""


Figures = dict[str, dict[str, Rounds]]  # by database, then by server


@dataclass(frozen=True)
class Part:
    """`measure` one round of one server, which has the runs; `rounds` of them in turns. `alone`: it starts the server itself."""

    measure: Callable[..., Round]
    figures: dict[str, Figure]
    rounds: int = 5
    stock_rounds: int = 99  # fewer than `rounds` where stock takes minutes
    databases: tuple[str, ...] = ("SQLite", "PostgreSQL")
    runs: int = 10_000
    by_default: bool = True
    alone: bool = False


def table(part: Part, found: Figures) -> list[str]:
    """Lines of a table: medians of the rounds, and the median of the ratios within each round."""
    lines = [f"| | database | {OURS} | {STOCK} | times | aim |", "|---|---|---|---|---|---|"]
    for database, rounds in found.items():
        for key, figure in part.figures.items():
            ours, theirs = ([one[key] for one in rounds.get(name, Rounds()).done if key in one] for name in (OURS, STOCK))
            if ours:
                lines.append(_line(figure, database, ours, theirs, rounds.get(STOCK, Rounds()).failed or _absent()))
    return lines


def _absent() -> str:
    return "not measured" if peers.python("mlflow") else peers.ABSENT


def _line(figure: Figure, database: str, ours: list[Took], theirs: list[Took], absent: str) -> str:
    cells = [figure.said, database, _median(ours), _median(theirs) if theirs else absent]
    pairs = [(own.value + own.database, peer.value + peer.database) for own, peer in zip(ours, theirs, strict=False)]
    if figure.more_is_better:
        pairs = [(peer, own) for own, peer in pairs]
    times = statistics.median(peer / own for own, peer in pairs) if pairs and all(own > 0 for own, _ in pairs) else None
    aim = figure.aim(database)
    reached = [
        aim.most is None or statistics.median(one.value for one in ours) <= aim.most,
        aim.times is None or times is None or times >= aim.times,
    ]
    said = ([f"at most {number(aim.most)}"] if aim.most is not None else []) + (
        [f"{number(aim.times)} times"] if aim.times is not None else []
    )
    cells += [number(times) if times is not None else "", ", ".join(said) + ("" if all(reached) else ", **not reached**")]
    return "| " + " | ".join(cells) + " |"


def _median(took: list[Took]) -> str:
    own, database = statistics.median(one.value for one in took), statistics.median(one.database for one in took)
    return number(own) + (f" (+{number(database)})" if database else "")


def number(value: float) -> str:
    """Three digits, or all of those before the point."""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"

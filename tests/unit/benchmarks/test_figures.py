"""What a table of `make bench-tracking` says, from figures that can be checked by hand."""

import pytest

from benchmarks import __main__ as bench
from benchmarks import page, peers
from benchmarks.tracking import __main__ as tracking
from benchmarks.tracking.figures import Aim, Figure, Part, Rounds, Took, table
from benchmarks.tracking.servers import OURS, STOCK

CPU = Figure("CPU a call, ms", Aim(most=2.5))
SPEED = Figure("calls a second", Aim(times=3), more_is_better=True)


def part(**figures: Figure) -> Part:
    return Part(lambda *_: {}, figures)


def rounds(key: str, *values: float, failed: str = "") -> Rounds:
    return Rounds([{key: Took(value)} for value in values], failed)


def line(figure: Figure, ours: Rounds, stock: Rounds | None) -> str:
    beside = {OURS: ours} | ({STOCK: stock} if stock else {})
    return table(part(it=figure), {"SQLite": beside})[2]


def test_a_line_has_the_medians_and_the_median_of_the_ratios_within_the_rounds():
    said = line(CPU, rounds("it", 1, 2, 4), rounds("it", 4, 2, 12))
    assert said == "| CPU a call, ms | SQLite | 2 | 4 | 3 | at most 2.50 |"


def test_where_more_is_better_the_ratio_is_turned_round():
    said = line(SPEED, rounds("it", 600), rounds("it", 100))
    assert said == "| calls a second | SQLite | 600 | 100 | 6 | 3 times |"


@pytest.mark.parametrize(("figure", "ours"), [(CPU, 2.6), (SPEED, 250)])
def test_an_aim_that_is_not_reached_is_said_so(figure: Figure, ours: float):
    assert line(figure, rounds("it", ours), rounds("it", 100)).endswith(", **not reached** |")


def test_what_postgresql_itself_took_stands_beside_and_counts_in_the_ratio():
    ours, stock = Rounds([{"it": Took(1, database=1)}]), Rounds([{"it": Took(5, database=3)}])
    assert table(part(it=CPU), {"PostgreSQL": {OURS: ours, STOCK: stock}})[2].startswith(
        "| CPU a call, ms | PostgreSQL | 1 (+1) | 5 (+3) | 4 |"
    )


def test_a_peer_that_is_not_installed_or_gave_no_answer_is_said_so_and_has_no_ratio(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(peers, "python", lambda _: None)
    assert line(CPU, rounds("it", 1), None) == "| CPU a call, ms | SQLite | 1 | not installed |  | at most 2.50 |"
    late = rounds("it", failed="no answer in 120 s")
    assert line(CPU, rounds("it", 1), late) == "| CPU a call, ms | SQLite | 1 | no answer in 120 s |  | at most 2.50 |"


def test_every_table_of_the_benchmarks_has_its_place_on_the_page():
    text = page.PAGE.read_text("utf-8")
    filled = page.filled(text, {name: ["| new |"] for name in bench.PARTS})
    filled = page.filled(filled, {f"tracking.{name}": ["| new |"] for name in tracking.PARTS}, "make bench-tracking")
    assert filled.count("| new |") == len(bench.PARTS) + len(tracking.PARTS)
    with pytest.raises(KeyError, match="no place"):
        page.filled(text, {"of nothing": []})

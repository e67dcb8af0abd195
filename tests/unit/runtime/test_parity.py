from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from regie.runtime.parity import TOLERANCE, UNKNOWN, difference, prove, rows_like
from regie.runtime.signature import Column, RowReader

SIGNATURE = (Column("a", "float", True), Column("i", "int"), Column("c", "str", False, ("x", "y")), Column("b", "bool"))
EXAMPLE = [[0.0, 1, "x", True], [1.0, 5, "y", False]]


def by_code(codes):
    return lambda rows: [codes.get(row[2], -1.0) for row in rows]


RIGHT = by_code({"x": 0.0, "y": 1.0})


def test_a_converter_that_is_silently_wrong_about_categories_is_found_out():
    rows = rows_like(SIGNATURE, EXAMPLE)
    assert prove(RIGHT, RIGHT, rows).proved
    swapped = prove(RIGHT, by_code({"x": 1.0, "y": 0.0}), rows)
    assert not swapped.proved
    assert swapped.greatest_difference == 1.0
    assert not prove(RIGHT, by_code({"x": 0.0, "y": 1.0, UNKNOWN: 0.0}), rows).proved  # only unknown ones differ


def test_a_path_that_is_wrong_only_for_single_rows_or_only_for_nulls_is_found_out():
    rows = rows_like(SIGNATURE, EXAMPLE)
    assert not prove(RIGHT, lambda some: RIGHT(some) if len(some) > 1 else [0.5], rows).proved

    def wrong_for_nulls(some):
        return [5.0 if row[0] is None else one for row, one in zip(some, RIGHT(some), strict=True)]

    assert not prove(RIGHT, wrong_for_nulls, rows).proved


def test_a_path_that_fails_loses_rows_or_was_never_asked_is_not_proved():
    def fails(rows):
        raise ValueError("no such column")

    rows = rows_like(SIGNATURE, EXAMPLE, 10)
    assert prove(RIGHT, fails, rows).because == "ValueError: no such column"
    assert not prove(RIGHT, lambda some: RIGHT(some)[:1], rows).proved
    assert not prove(RIGHT, RIGHT, []).proved
    assert not prove(RIGHT, lambda some: [float("nan")] * len(some), rows).proved


def test_the_rows_cover_unknown_categories_nulls_and_numbers_that_no_example_has():
    rows = rows_like(SIGNATURE, EXAMPLE)
    seen = Counter(row[2] for row in rows)
    assert len(rows) == 4096
    assert rows[:2] == EXAMPLE
    assert seen[UNKNOWN] > 100
    assert sum(row[0] is None for row in rows) > 100
    assert min(row[0] for row in rows if row[0] is not None) < -0.5
    assert any(row[1] not in (1, 5) for row in rows)
    assert rows == rows_like(SIGNATURE, EXAMPLE)  # the proof can be repeated
    combined = {(row[2], row[3]) for row in rows}
    assert ("x", False) in combined  # a combination that no example has


columns = st.builds(Column, st.just("c"), st.sampled_from(["float", "int", "bool", "str", "time"]), st.booleans())


@given(column=columns, data=st.data())
def test_rows_made_for_a_proof_are_rows_that_the_endpoint_would_take(column, data):
    values = {"float": st.floats(-1e6, 1e6), "int": st.integers(-1000, 1000), "bool": st.booleans(), "str": st.text(max_size=3),
              "time": st.integers(0, 10**12)}[column.type]  # fmt: skip
    example = data.draw(st.lists(st.tuples(values), min_size=1, max_size=5))
    reader = RowReader((column,))
    for row in rows_like((column,), [list(one) for one in example], 30):
        assert reader.row({"c": row[0]}) == row


def test_differences_are_measured_through_lists_and_missing_answers():
    assert difference([0.5, 0.5], [0.5, 0.75]) == 0.25
    assert difference(float("nan"), float("nan")) == 0.0
    assert difference(None, 0.0) == difference([0.1], [0.1, 0.2]) == float("inf")
    assert TOLERANCE < 1e-6

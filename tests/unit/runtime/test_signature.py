import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.runtime.signature import BadRow, Column, RowReader, from_json, to_json

SIGNATURE = (
    Column("distance", "float"), Column("hour", "int"), Column("carrier", "str", categories=("AA", "B6")),
    Column("holiday", "bool", nullable=True), Column("wind", "float", nullable=True), Column("at", "time"),
)  # fmt: skip
READER = RowReader(SIGNATURE)
GOOD = {"distance": 1.5, "hour": 7, "carrier": "AA", "holiday": True, "wind": None, "at": "2013-02-15T00:00:00Z"}


def refused(**changes):
    with pytest.raises(BadRow) as problem:
        READER.row({**GOOD, **changes}, 3)
    return problem.value


def test_a_row_comes_out_in_the_order_of_the_signature_whatever_the_order_of_the_record():
    turned = dict(reversed(GOOD.items()))
    assert READER.row(turned) == [1.5, 7, "AA", True, None, 1360886400000]


def test_an_integer_is_a_float_and_a_whole_float_is_an_integer_and_an_unknown_category_is_answered():
    row = READER.row({**GOOD, "distance": 3, "hour": 4.0, "carrier": "never seen", "at": 5})
    assert row == [3.0, 4, "never seen", True, None, 5]
    assert [type(value) for value in row[:2]] == [float, int]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("distance", "1.5", "is '1.5', not a number"),
        ("distance", True, "is true, not a number"),
        ("distance", None, "is null"),
        ("distance", math.nan, "is null"),
        ("distance", math.inf, "infinite"),
        ("distance", 10**400, "too large"),
        ("distance", [1], "not a number"),
        ("hour", True, "is true, not an integer"),
        ("hour", 1.5, "is 1.5, not an integer"),
        ("hour", 2**63, "too large"),
        ("hour", "7", "not an integer"),
        ("carrier", 7, "is 7, not a string"),
        ("carrier", False, "is false, not a string"),
        ("holiday", 1, "is 1, not a boolean"),
        ("wind", {}, "is {}, not a number"),
        ("wind", -math.inf, "infinite"),
        ("at", "yesterday", "not a time"),
        ("at", True, "not an integer"),
        ("carrier", b"AA", "not a string"),
    ],
)
def test_a_mistyped_value_names_row_and_column_and_what_to_send(column, value, words):
    problem = refused(**{column: value})
    assert (problem.row, problem.column, problem.status, problem.code) == (3, column, 422, "serving.bad_row")
    assert (problem.body()["row"], problem.body()["column"]) == (3, column)
    assert words in problem.what
    assert problem.do.startswith("send ")
    assert f"row 3, column {column}" in str(problem)


def test_a_missing_feature_is_named_with_the_word_that_was_probably_meant():
    record = {**GOOD, "distnace": 1.0}
    del record["distance"]
    with pytest.raises(BadRow, match="distance is missing") as problem:
        READER.row(record)
    assert problem.value.do == "write distance instead of distnace"


def test_a_feature_that_the_model_does_not_take_is_refused_with_the_nearest_word():
    assert refused(hours=1).do == "write hour"
    assert "leave it out" in refused(completely_else=1).do
    assert refused(**{"": 1}).column == ""


def test_the_first_bad_row_of_many_is_named():
    with pytest.raises(BadRow) as problem:
        READER.rows([GOOD, GOOD, {**GOOD, "hour": "x"}])
    assert problem.value.row == 3
    with pytest.raises(BadRow) as problem:
        READER.rows_of_columns({name: [value, value, "x" if name == "hour" else value] for name, value in GOOD.items()})
    assert (problem.value.row, problem.value.column) == (3, "hour")


def test_columns_give_the_same_rows_as_records_and_numpy_values_are_values():
    columns = {"distance": np.array([1.5, 2.5]), "hour": np.array([1, 2]), "carrier": ["AA", "B6"],
               "holiday": np.array([True, False]), "wind": np.array([np.nan, 1.0]), "at": [0, 1]}  # fmt: skip
    assert READER.rows_of_columns(columns) == [[1.5, 1, "AA", True, None, 0], [2.5, 2, "B6", False, 1.0, 1]]
    assert READER.rows([]) == READER.rows_of_columns({name: [] for name in GOOD}) == []


def test_columns_that_are_missing_unknown_or_of_different_lengths_are_refused():
    columns = {name: [value] for name, value in GOOD.items()}
    with pytest.raises(BadInput, match="different lengths"):
        READER.rows_of_columns({**columns, "hour": [1, 2]})
    with pytest.raises(BadRow, match="takes no feature"):
        READER.rows_of_columns({**columns, "more": [1]})
    with pytest.raises(BadRow, match="is missing"):
        READER.rows_of_columns({name: values for name, values in columns.items() if name != "at"})


def test_a_signature_survives_being_written_and_read():
    assert from_json(to_json(SIGNATURE)) == SIGNATURE
    for wrong in (None, [1], [{"name": "a"}], [{"name": "a", "type": "list"}], [{"name": "a", "type": "int"}] * 2):
        with pytest.raises(BadInput):
            from_json(wrong)


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())


@given(record=st.dictionaries(st.sampled_from([*GOOD, "other"]), anything))
def test_whatever_is_sent_the_reader_gives_plain_values_in_order_or_says_what_is_wrong(record):
    try:
        row = READER.row({**GOOD, **record})
    except BadRow:
        return
    kinds = {"float": float, "int": int, "str": str, "bool": bool, "time": int}
    for value, column in zip(row, SIGNATURE, strict=True):
        assert type(value) is kinds[column.type] or (value is None and column.nullable)
        assert value == value  # no NaN gets through

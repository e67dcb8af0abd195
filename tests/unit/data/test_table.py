"""Tables: roles, types that do not depend on the rows, and bytes that depend on nothing else."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.data.table import CATEGORIES_KEY, Dataset, Table, signature
from regie.runtime.signature import Column
from regie.spec.scanner import Malformed


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "at": pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"]),
            "spend": [1.0, np.nan, 12_000.0],
            "visits": [1, 2, 3],
            "plan": pd.Categorical(["pro", "basic", "pro"], categories=["pro", "basic", "plus"]),
            "left": [True, False, True],
        }
    )


@pytest.fixture
def table(frame: pd.DataFrame) -> Table:
    return Table.of(frame, label="left", time="at", key="id")


def test_a_model_sees_only_features(table: Table) -> None:
    assert list(table.features.columns) == ["spend", "visits", "plan"]


def test_label_and_time_come_as_plain_arrays(table: Table) -> None:
    assert table.label.dtype == bool
    assert table.label.tolist() == [True, False, True]
    assert table.time.dtype == np.int64
    assert table.time[0] == 1_356_998_400_000


def test_a_missing_label_is_an_error_that_names_the_dataset(frame: pd.DataFrame) -> None:
    bare = Table.from_bytes(Table.of(frame).to_bytes(), "customers")
    with pytest.raises(BadInput, match="customers: it has no label"):
        _ = bare.label


def test_category_codes_never_depend_on_the_rows(table: Table) -> None:
    few = table.where("plan == basic").features["plan"]
    assert list(few.cat.categories) == ["pro", "basic", "plus"]
    assert few.cat.codes.tolist() == [1]


def test_frame_types_never_depend_on_the_rows() -> None:
    schema = pa.schema([pa.field("n", pa.int64(), nullable=True), pa.field("m", pa.int64(), nullable=False)])
    without = Table(pa.table({"n": [1, 2], "m": [1, 2]}, schema=schema))
    with_null = Table(pa.table({"n": [1, None], "m": [1, 2]}, schema=schema))
    assert list(without.features.dtypes) == list(with_null.features.dtypes) == [np.float64, np.int64]


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("spend < 10_000", 1),
        ("visits >= 2", 2),
        ("visits != 2", 2),
        ('plan == "pro"', 2),
        ("left == true", 2),
        ('at >= "2013-01-02"', 2),
        ("spend > -1", 2),
    ],
)
def test_where_keeps_the_rows_for_which_a_comparison_holds(table: Table, expression: str, rows: int) -> None:
    assert len(table.where(expression)) == rows


@pytest.mark.parametrize("expression", ["", "spend", "spend <", "spend < 1 2", "spend ~ 1"])
def test_where_refuses_what_is_no_comparison(table: Table, expression: str) -> None:
    with pytest.raises((Malformed, BadInput)):
        table.where(expression)


@pytest.mark.parametrize("expression", ["spent < 1", "spend < pro", "left < 3", 'at > "soon"', "plan == 3"])
def test_where_refuses_a_column_or_value_that_does_not_fit(table: Table, expression: str) -> None:
    with pytest.raises(BadInput):
        table.where(expression)


def test_with_frame_replaces_columns_and_adds_features(table: Table) -> None:
    made = table.with_frame(pd.DataFrame({"visits": [5, 6, 7], "more": [0.1, 0.2, 0.3]}))
    assert list(made.features.columns) == ["spend", "visits", "plan", "more"]
    assert made.features["visits"].tolist() == [5, 6, 7]
    assert made.roles["left"] == "label"
    assert table.features["visits"].tolist() == [1, 2, 3]


def test_with_frame_refuses_other_rows(table: Table) -> None:
    with pytest.raises(BadInput, match="2 rows"):
        table.with_frame(pd.DataFrame({"more": [1, 2]}))


def test_unknown_columns_and_roles_are_refused() -> None:
    arrow = pa.table({"a": [1]})
    with pytest.raises(BadInput, match="no column `b`"):
        Table(arrow, {"b": "label"})
    with pytest.raises(BadInput, match="not a role"):
        Table(arrow, {"a": "target"})


def test_a_dataset_reads_only_rows_whose_label_is_known() -> None:
    table = Table(pa.table({"x": [1, 2, 3], "y": [True, None, False]}), {"y": "label"})
    read = Dataset(table, "customers").read()
    assert (len(read), read.name, read.label.dtype) == (2, "customers", np.dtype(bool))


def test_a_signature_names_the_features_their_types_and_their_categories(table: Table) -> None:
    assert signature(table) == (
        Column("spend", "float", nullable=True),
        Column("visits", "int", nullable=False),
        Column("plan", "str", nullable=False, categories=("pro", "basic", "plus")),
    )


def test_a_feature_that_no_model_takes_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="column tags"):
        signature(Table(pa.table({"tags": [["a"], ["b"]]})))


def test_types_come_back_from_parquet_as_they_went(table: Table) -> None:
    back = Table.from_bytes(table.to_bytes(), "customers")
    pd.testing.assert_frame_equal(back.frame(), table.frame())
    assert (back.roles, back.categories, signature(back)) == (table.roles, table.categories, signature(table))


def test_whole_numbers_beyond_64_bits_become_floats_instead_of_an_error() -> None:
    assert signature(Table(pa.table({"n": pa.array([2**63, 1], pa.uint64())})))[0].type == "float"


def test_what_is_no_parquet_is_refused() -> None:
    with pytest.raises(BadInput, match="no Parquet"):
        Table.from_bytes(b"rows", "customers")


ROWS = st.lists(
    st.tuples(st.integers(-(2**53), 2**53), st.one_of(st.none(), st.floats(allow_nan=True, width=32)), st.sampled_from("xyz")),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 30))
def test_the_same_rows_give_the_same_bytes_however_they_came_together(
    rows: list[tuple[int, float | None, str]], cut: int
) -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.float64()), ("c", pa.string())], {CATEGORIES_KEY: '{"c":["x","y","z"]}'})
    whole = pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema=schema)
    pieces = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    encoded = whole.set_column(2, "c", whole["c"].dictionary_encode())
    first = Table(whole).to_bytes()
    assert Table(pieces).to_bytes() == first
    assert Table(encoded.replace_schema_metadata(schema.metadata)).to_bytes() == first
    assert Table.from_bytes(first).to_bytes() == first


def test_other_roles_or_categories_are_another_content(table: Table) -> None:
    roles = table.roles | {"spend": "evaluation"}
    assert Table(table.arrow(), roles).to_bytes() != table.to_bytes()

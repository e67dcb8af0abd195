"""Contracts: what breaks them is counted rule by rule, with examples."""

import pyarrow as pa
import pytest

from regie.base.clock import DAY_MS
from regie.data.contract import ContractBroken, check
from regie.data.types import ContractReport
from regie.spec.document import ColumnSpec, DatasetSpec, LabelSpec
from regie.spec.expressions import CHECK, parse
from regie.spec.phrases import parse_column

NOW = 20_000 * DAY_MS


def spec(columns: dict[str, str] | None = None, checks: tuple[str, ...] = (), **more: object) -> DatasetSpec:
    made = {name: ColumnSpec(name, parse_column(text)) for name, text in (columns or {}).items()}
    return DatasetSpec("customers", "a.csv", columns=made, checks=tuple(parse(one, CHECK) for one in checks), **more)  # type: ignore[arg-type]


def broken(rows: dict[str, list[object]] | pa.Table, promised: DatasetSpec, now: int = NOW) -> ContractReport:
    return check(rows if isinstance(rows, pa.Table) else pa.table(rows), promised, now)[1]


def test_a_kept_contract_reports_nothing() -> None:
    report = broken({"age": [18, 110], "plan": ["a", "b"]}, spec({"age": "int 18..110", "plan": "cat[a, b]"}, ("rows >= 2",)))
    assert report.ok
    assert report.rows == 2


@pytest.mark.parametrize(
    ("kind", "values", "rows", "examples"),
    [
        ("int? 18..110", [17, 18, 111, None], 2, [(0, "17"), (2, "111")]),
        ("float > 0", [0.0, 1.0, -1.0], 2, [(0, "0.0"), (2, "-1.0")]),
        ("cat[a, b]", ["a", "c", "b"], 1, [(1, "c")]),
        ("int", [1, None, 3], 1, [(1, "None")]),
        ("float", [1.0, float("nan")], 1, [(1, "None")]),
        ("int", ["1", "x", "3"], 1, [(1, "x")]),
        ("int", [1.0, 2.5], 1, [(1, "2.5")]),
        ("bool", [0, 1, 2], 1, [(2, "2")]),
        ("time", ["2013-01-01", "soon"], 1, [(1, "soon")]),
    ],
)
def test_rows_that_break_a_rule_are_counted_with_examples(
    kind: str, values: list[object], rows: int, examples: list[tuple[int, str]]
) -> None:
    found = broken({"x": values}, spec({"x": kind})).broken[0]
    assert found.rows == rows
    assert list(found.examples) == examples


def test_a_few_wrong_values_among_very_many_are_found_each() -> None:
    values: list[object] = [str(n) for n in range(50_000)]
    values[7] = values[30_001] = "x"
    found = broken({"x": values}, spec({"x": "int"})).broken[0]
    assert (found.rows, found.examples) == (2, ((7, "x"), (30_001, "x")))


@pytest.mark.parametrize("kind", ["int", "float", "bool", "time", "cat[a]"])
def test_an_empty_column_of_any_type_keeps_its_promise(kind: str) -> None:
    assert broken(pa.table({"x": pa.array([], pa.string())}), spec({"x": kind})).ok


@pytest.mark.parametrize("kind", ["int", "float", "bool", "time"])
def test_a_whole_column_of_words_is_counted_row_by_row(kind: str) -> None:
    assert broken({"x": [f"v{n}" for n in range(5_000)]}, spec({"x": kind})).broken[0].rows == 5_000


def test_at_most_five_examples_are_kept() -> None:
    found = broken({"x": list(range(100))}, spec({"x": "int < 50"})).broken[0]
    assert (found.rows, len(found.examples), found.examples[0][0]) == (50, 5, 50)


def test_each_broken_rule_is_reported_apart() -> None:
    report = broken({"age": [200, None], "plan": ["z", "a"]}, spec({"age": "int <= 110", "plan": "cat[a]"}))
    assert len(report.broken) == 3
    assert {one.column for one in report.broken} == {"age", "plan"}


def test_a_missing_column_breaks_the_contract() -> None:
    report = broken({"x": [1]}, spec({"y": "int"}))
    assert [one.column for one in report.broken] == ["y"]


def test_missing_key_and_time_break_the_contract_and_a_freshness_check_does_not_crash() -> None:
    report = broken({"x": [1]}, spec(key=("id",), time="at", checks=("fresh < 1d",)))
    assert {"id", "at"} <= {one.column for one in report.broken}


def test_times_that_are_all_unreadable_are_counted_and_nothing_crashes() -> None:
    report = broken({"at": ["soon", "later"]}, spec(time="at", checks=("fresh < 1d",)))
    assert max(one.rows for one in report.broken) == 2


@pytest.mark.parametrize(
    ("check_text", "kept"),
    [
        ("rows >= 4", True), ("rows >= 5", False), ("nulls(x) <= 25%", True), ("nulls(x) < 25%", False),
        ("unique(id)", True), ("unique(twice)", False), ("mean(x) >= 2", True), ("mean(x) < 2", False),
        ("min(x) >= 1", True), ("max(x) <= 2", False),
    ],
)  # fmt: skip
def test_checks_see_the_whole_snapshot(check_text: str, kept: bool) -> None:
    report = broken({"id": [1, 2, 3, 4], "x": [1, 2, 3, None], "twice": ["a", "b", "c", "a"]}, spec(checks=(check_text,)))
    assert report.ok == kept, report


@pytest.mark.parametrize("check_text", ["mean(name) >= 0", "min(name) >= 0", "max(name) <= 9"])
def test_a_figure_of_a_text_column_breaks_the_check_instead_of_crashing(check_text: str) -> None:
    assert not broken({"name": ["a", "b"]}, spec(checks=(check_text,))).ok


def test_freshness_is_measured_against_business_now() -> None:
    rows = pa.table({"at": pa.array([NOW - 2 * DAY_MS], pa.timestamp("ms"))})
    promised = spec(time="at", checks=("fresh < 3d",))
    assert broken(rows, promised).ok
    assert not broken(rows, promised, NOW + 2 * DAY_MS).ok


def test_an_empty_snapshot_breaks_checks_that_need_rows() -> None:
    rows = pa.table({"x": pa.array([], pa.float64())})
    assert not broken(rows, spec(checks=("mean(x) >= 0",))).ok


def test_the_table_carries_roles_and_categories() -> None:
    promised = spec({"plan": "cat[b, a]", "y": "bool"}, key=("id",), time="at", label=LabelSpec("y", DAY_MS))
    rows = pa.table({"id": ["1"], "at": ["2013-01-01"], "plan": ["a"], "y": [True], "more": [1]})
    table, report = check(rows, promised, NOW)
    assert report.ok, report
    assert table.categories == {"plan": ("b", "a")}
    assert table.roles == {"id": "key", "at": "time", "plan": "feature", "y": "label", "more": "ignore"}


def test_the_error_says_what_is_broken_and_ends_with_exit_code_3() -> None:
    report = broken({"age": [200]}, spec({"age": "int <= 110"}))
    error = ContractBroken("customers", report)
    assert (error.code, error.status, error.exit_code) == ("data.contract_broken", 422, 3)
    assert "age" in str(error)
    assert "200" in str(error)

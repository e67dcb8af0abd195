"""What is kept of a snapshot's columns, and what differs between two: from figures alone, never from rows."""

import datetime as dt
import json
import math

import pandas as pd
import pytest

from regie.base.canonical import canonical
from regie.base.clock import DAY_MS
from regie.data.columns import figures
from regie.data.contract import check
from regie.data.difference import differences
from regie.data.table import Table
from regie.spec.document import DatasetSpec
from regie.spec.expressions import CHECK, parse

DAY = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def of(**columns) -> dict:
    """The figures of a table, by column."""
    found = figures(Table.of(pd.DataFrame(columns)))
    json.loads(canonical(found))  # as it is stored: no NaN, no infinity
    return {one["name"]: one for one in found}


def test_each_type_has_the_figures_that_fit_it():
    found = of(
        n=[1, 2, 6], x=[0.5, None, 2.5], yes=[True, False, True], who=["a", "b", "a"], at=[DAY, DAY + dt.timedelta(days=2), None]
    )
    assert found["n"] == {"name": "n", "type": "int", "role": "feature", "nulls": 0, "min": 1, "max": 6, "mean": 3.0}
    assert (found["x"]["nulls"], found["x"]["min"], found["x"]["max"], found["x"]["mean"]) == (1, 0.5, 2.5, 1.5)
    assert (found["yes"]["type"], found["yes"]["mean"]) == ("bool", pytest.approx(2 / 3))
    assert (found["who"]["type"], found["who"]["distinct"]) == ("str", 2)
    assert found["at"]["max"] - found["at"]["min"] == 2 * DAY_MS


def test_no_value_of_a_text_is_kept():
    assert "anna" not in canonical(list(of(who=["anna@example.org", "b"]).values()))


def test_an_empty_column_and_values_beyond_json_are_figures_all_the_same():
    found = of(nothing=[None, None], wide=[math.inf, 1.0], long=[2**60, 1])
    assert found["nothing"]["nulls"] == 2
    assert found["wide"]["max"] is None
    assert found["long"]["max"] == float(2**60)


def column(name: str, **figures) -> dict:
    return {"name": name, "type": "float", "role": "feature", "nulls": 0, **figures}


def test_a_difference_tells_what_came_what_went_and_how_far_a_mean_moved():
    before = [
        column("same", min=0, max=1, mean=0.5),
        column("gone"),
        column("kind"),
        column("moved", min=0.0, max=10.0, mean=4.0),
    ]
    now = [
        column("same", min=0, max=1, mean=0.5),
        column("moved", min=0.0, max=12.0, mean=5.0),
        column("kind") | {"type": "str"},
        column("new"),
    ]
    found = differences(before, now)
    assert [(one.column, one.kind) for one in found] == [
        ("gone", "removed"), ("new", "added"), ("kind", "type"), ("moved", "figures"), ("same", "same"),
    ]  # fmt: skip
    assert {one.column: one.shift for one in found}["moved"] == pytest.approx(0.1)
    assert differences([], []) == []


def test_a_column_of_one_value_has_no_range_to_move_in():
    (found,) = differences([column("x", min=1, max=1, mean=1)], [column("x", min=2, max=2, mean=2)])
    assert (found.kind, found.shift) == ("figures", None)


def test_every_check_says_what_was_seen_whether_it_is_kept_or_not():
    promised = tuple(parse(one, CHECK) for one in ("rows >= 5", "nulls(x) < 50%", "mean(gone) < 1"))
    spec = DatasetSpec("d", "d.csv", checks=promised)
    _, report = check(Table.of(pd.DataFrame({"x": [1.0, None, 3.0]})).arrow(), spec, 0)
    assert [one.to_json() for one in report.checked] == [
        {"check": "rows >= 5", "kept": False, "text": "3"}, {"check": "nulls(x) < 50%", "kept": True, "text": "33.33%"},
    ]  # fmt: skip
    assert report.to_json()["checked"] == [one.to_json() for one in report.checked]
    assert [one.rule for one in report.broken] == ["rows >= 5", "mean(gone) < 1"]

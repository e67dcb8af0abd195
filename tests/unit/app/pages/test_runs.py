"""Runs as a list: filtered, sorted and paged by the server, exported whole; on both databases."""

import asyncio
import csv
import io
import json

import pytest

from regie.app.caller import CallerOf
from regie.app.pages import runs, runs_export
from regie.base.errors import BadInput
from regie.store.actors import everybody
from regie.store.types import LOCAL
from tests.support import measured_runs


@pytest.fixture
def caller(store):
    return CallerOf(store, everybody(LOCAL), "team")


@pytest.fixture
def found(caller):
    """140 runs of a search, oldest first."""
    experiment = measured_runs.experiment(caller.store, "team", "search")
    return measured_runs.fill(caller.store, "team", experiment, 140)


def page(caller, after="", columns="", limit=50, at=0, **said):
    return runs.page(caller, runs.question(**said), columns, after, limit, at)


def ids(shown):
    return [row.id for row in shown.rows]


def read(response):
    async def whole():
        return b"".join([piece async for piece in response.body_iterator])

    return asyncio.run(whole()).decode()


def test_pages_walk_through_all_runs_once_in_either_direction_of_any_order(caller, found):
    for sort in ("-started", "started", "name", "-m.log_loss", "m.log_loss", "-p.depth", "t.stage", "-ended", "state", "user"):
        shown = page(caller, sort=sort)
        seen, first = ids(shown), shown
        while shown.next:
            shown = page(caller, shown.next, sort=sort)
            seen += ids(shown)
        assert sorted(seen) == sorted(found), sort
        assert (first.count, first.counted_all, shown.count) == (140, True, None)
    assert ids(page(caller, limit=3)) == found[:-4:-1]


def test_a_page_goes_on_with_its_own_question_only(caller, found):
    after = page(caller, sort="name").next
    for said in ({}, {"sort": "name", "state": "FAILED"}, {"sort": "name", "filter": "metrics.auc > 0"}, {"sort": "-name"}):
        with pytest.raises(BadInput):
            page(caller, after, **said)


def test_what_a_run_did_not_measure_is_missing_and_what_diverged_is_said_so(caller, found):
    shown = page(caller, columns="m.log_loss,p.seed,t.stage,m.never", limit=140)
    cells = {row.id: row.cells for row in shown.rows}
    assert cells[found[30]] == [None, "30", "first", None]  # it failed
    assert cells[found[96]][0] == "NaN"
    assert isinstance(cells[found[0]][0], float)
    assert [(one.short, one.direction) for one in shown.columns] == [
        ("m.log_loss", "lower"), ("p.seed", None), ("t.stage", None), ("m.never", None),
    ]  # fmt: skip
    # Sorted, NaN and what is missing come last in both directions.
    for sort in ("m.log_loss", "-m.log_loss"):
        last = page(caller, columns="m.log_loss", sort=sort, limit=140).rows[-5:]
        assert {str(row.cells[0]) for row in last} <= {"NaN", "None"}, sort


def test_who_chose_no_columns_sees_what_most_runs_have_first_what_has_a_direction(caller, found):
    assert [one.short for one in page(caller).columns] == [
        "m.auc", "m.log_loss", "m.fit_seconds", "m.leaves", "p.booster", "p.depth", "p.learning_rate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [("metrics.auc > 'high'", 14, "number"),
     ("metrics.auc > 1 OR params.depth = '1'", 16, "and_only"), ("lifecycle = 'x'", 0, "no_such"),
     ("metric.auc LIKE 1", 11, "operator"), ("figures.auc > 1", 0, "prefix"),
     ("params.depth = ", 15, "text"), ("params.depth = '1' !", 19, "key")],
)  # fmt: skip
def test_a_wrong_filter_says_where_it_breaks_off_and_the_pickers_stay(caller, found, text, at, hint):
    shown = page(caller, filter=text)
    assert (shown.wrong.at, shown.wrong.hint) == (at, hint)
    assert (shown.rows, shown.count, shown.next) == ([], 0, None)
    assert [one.name for one in shown.experiments] == ["search"]


def test_pickers_and_the_filter_hold_together(caller, found):
    other = measured_runs.experiment(caller.store, "team", "other")
    measured_runs.fill(caller.store, "team", other, 3)
    measured_runs.tag(caller.store, found[5], regie__pipeline="train")
    assert page(caller).count == 143
    assert page(caller, experiment=other).count == 3
    assert ids(page(caller, pipeline="train")) == [found[5]]
    failed = page(caller, state="FAILED", filter="params.seed != '30'")
    assert ids(failed) == [found[123], found[92], found[61]]
    assert failed.command.startswith("""regie run search --filter='params.seed != '"'"'30'"'"'' --state=FAILED --columns=""")
    assert page(caller, state="FAILED", filter="tags.stage = 'none'").count == 0
    with pytest.raises(BadInput):
        page(caller, state="GONE")


def test_another_workspace_sees_none_of_them(caller, found):
    stranger = CallerOf(caller.store, everybody(LOCAL), "elsewhere")
    shown = page(stranger)
    assert (shown.rows, shown.count, shown.experiments, shown.newest) == ([], 0, [], 0)
    assert runs.news(stranger, runs.question(), 0, found[0]).rows == []
    assert runs.names(stranger, "metric").names == []


def test_an_open_page_hears_how_many_came_and_how_its_rows_are_now(caller, found):
    shown = page(caller, filter="metrics.auc > 0")
    experiment = shown.experiments[0].id
    measured_runs.fill(caller.store, "team", experiment, 40)  # one of them failed, and measured nothing
    measured_runs.rename(caller.store, found[0], "renamed")
    news = runs.news(caller, runs.question(filter="metrics.auc > 0"), shown.newest, f"{found[0]},gone", "m.auc")
    assert (news.count, news.counted_all, news.newest) == (39, True, shown.newest + 40)
    assert [(row.id, row.name, len(row.cells)) for row in news.rows] == [(found[0], "renamed", 1)]


def test_what_came_since_moves_nothing_that_somebody_looks_at(caller, found):
    shown = page(caller)
    measured_runs.fill(caller.store, "team", measured_runs.experiment(caller.store, "team", "later"), 10)
    pinned = {"until": shown.newest}
    assert ids(page(caller, shown.next, **pinned)) == found[-51:-101:-1]
    assert ids(page(caller, at=100, **pinned)) == found[-101::-1]
    assert (page(caller, **pinned).count, page(caller).count) == (140, 150)
    assert runs.news(caller, runs.question(), shown.newest).count == 10


def test_names_of_columns_are_searched_among_thousands(caller, found):
    for number in range(130):
        measured_runs.log(caller.store, found[-1], f"layer/{number:03d}_Weight", [1.0])
    shown = runs.names(caller, "metric", "weight")
    assert (len(shown.names), shown.more, shown.names[0]) == (100, True, "layer/000_Weight")
    assert runs.names(caller, "metric", "07_").names == ["layer/007_Weight", "layer/107_Weight"]
    assert runs.names(caller, "metric", "%").names == []
    assert runs.names(caller, "param", "").names == ["booster", "depth", "learning_rate", "seed"]


def test_an_export_holds_every_run_of_the_filter_and_nothing_that_a_spreadsheet_runs(caller, found):
    measured_runs.rename(caller.store, found[3], '=HYPERLINK("http://x")')
    measured_runs.tag(caller.store, found[4], shift="-0.5", evil="@SUM(1)")
    text = read(runs_export.export(caller, runs.question(sort="started"), "m.log_loss,t.shift,t.evil"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["run_id"] for row in rows] == found
    assert rows[3]["name"] == '\'=HYPERLINK("http://x")'
    assert (rows[4]["tags.shift"], rows[4]["tags.evil"], rows[5]["tags.evil"]) == ("-0.5", "'@SUM(1)", "")
    assert (rows[30]["metrics.log_loss"], rows[96]["metrics.log_loss"]) == ("", "NaN")
    assert float(rows[0]["metrics.log_loss"]) > 0
    assert rows[0]["started"] == "2026-01-01T00:00:00Z"
    said = json.loads(read(runs_export.export(caller, runs.question(state="FAILED"), "m.log_loss", "json")))
    assert [one["metrics.log_loss"] for one in said] == [None] * 4
    with pytest.raises(BadInput):
        runs_export.export(caller, runs.question(filter="metrics.auc >"))


def test_a_time_that_no_calendar_has_is_exported_as_it_is(caller, found):
    with caller.store.database.write() as db:
        db.execute(measured_runs.runs.update().where(measured_runs.runs.c.id == found[0]).values(start_wall_ms=1 << 60))
    assert str(1 << 60) in read(runs_export.export(caller, runs.question(), ""))


@pytest.mark.parametrize(("columns", "sort"), [("log_loss", "-started"), ("m.", "-started"), ("", "nothing"), ("", "m.")])
def test_what_names_no_column_is_refused(caller, columns, sort):
    with pytest.raises(BadInput):
        page(caller, columns=columns, sort=sort)

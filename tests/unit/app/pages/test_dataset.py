"""The pages of datasets on a real store: what is promised, whether it is kept, what differs, and what came of it."""

import pandas as pd
import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from regie.app.doors import guard
from regie.app.pages import dataset, dataset_list
from regie.app.policy import OWN
from regie.app.workspace_path import WorkspacePath
from regie.base.clock import DAY_MS, HOUR_MS
from regie.base.errors import RegieError
from regie.data import labels, snapshots
from regie.data.contract import ContractBroken
from regie.monitoring.tables import signals
from regie.store.types import NOBODY_CAUSE, system
from tests.support import asking
from tests.support.place import NOW, SPEC, Place
from tests.support.steps import Steps, node

PROMISES = SPEC.replace(
    "columns: {a: float, y: bool}", "columns: {a: float 0..10, kind: 'cat[x, y]', y: bool}\n    checks: [rows >= 3, mean(a) < 8]"
)
DOCS = {("GET", one): "public" for one in ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def place(sqlite_store, tmp_path):
    return asking.made(Place(sqlite_store, tmp_path), PROMISES)


@pytest.fixture
def app(place):
    made = FastAPI()
    made.include_router(dataset_list.router)
    made.include_router(dataset.router)
    made.add_exception_handler(RegieError, lambda _, error: JSONResponse(error.body(), error.status))
    made.state.predictions = place.folder
    guard(
        made,
        place.store,
        {("GET", one): OWN[("GET", one)] for one in ("/api/v1/pages/data", "/api/v1/pages/data/{dataset}")} | DOCS,
    )
    made.add_middleware(WorkspacePath, store=place.store)
    return TestClient(made)


def shown(app, path="/rows", **query):
    answer = app.get(f"/w/loop/api/v1/pages/data{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def take(place, rows=6, broken=False, **columns):
    """A snapshot of so many days of rows, up to now."""
    frame = pd.DataFrame(
        {"id": [f"k{n}" for n in range(rows)], "time": [NOW - n * DAY_MS for n in range(rows)], "a": [float(n % 4) for n in range(rows)],
         "kind": ["x", "y"] * (rows // 2), "y": [True, False] * (rows // 2)} | columns
    )  # fmt: skip
    frame.to_csv(place.folder / "rows.csv", index=False)
    try:
        return snapshots.take(
            place.store, system("train"), "loop", "rows", place.scene.spec.data["rows"], place.folder, NOW, NOBODY_CAUSE
        ).digest
    except ContractBroken:
        assert broken
        return ""


def columns(page):
    return {one["name"]: one for one in page["columns"]}


def test_before_any_snapshot_the_promises_are_shown_and_nothing_is_claimed_of_them(app):
    page = shown(app)
    assert (page["snapshot"], page["snapshots"], page["snapshots_count"]) == (None, [], 0)
    assert {name: one["promise"] for name, one in columns(page).items()} == {
        "id": "", "time": "time", "a": "float 0..10", "kind": "cat[x, y]", "y": "bool",
    }  # fmt: skip
    assert {one["kept"] for one in page["columns"]} == {None}
    assert [(one["check"], one["kept"]) for one in page["checks"]] == [("rows >= 3", None), ("mean(a) < 8", None)]
    (brief,) = shown(app, "")["datasets"]
    assert (brief["head"]["label"], brief["head"]["known_after_ms"], brief["newest"], brief["snapshots"]) == (
        "y",
        DAY_MS,
        None,
        0,
    )


def test_a_kept_contract_says_so_column_by_column_with_figures(place, app):
    digest = take(place)
    page = shown(app)
    assert (page["snapshot"]["line"]["digest"], page["snapshot"]["line"]["kept"], page["snapshot"]["violations"]) == (
        digest,
        True,
        [],
    )
    found = columns(page)
    assert {name: one["kept"] for name, one in found.items()} == dict.fromkeys(["id", "time", "a", "kind", "y"], True)
    assert [found[one]["use"] for one in ("id", "time", "a", "y")] == ["key", "time", "feature", "label"]
    assert (found["a"]["now"]["min"], found["a"]["now"]["max"], found["kind"]["now"]["distinct"]) == (0, 3, 2)
    assert [(one["kept"], one["text"]) for one in page["checks"]] == [(True, "6"), (True, "1.16667")]


def test_a_broken_contract_names_rules_rows_and_values_and_marks_its_columns(place, app):
    take(place)
    take(place, 8, broken=True, kind=[HOSTILE, "x"] * 4, a=[99.0, 99.0] + [1.0] * 6)
    page = shown(app)
    assert (page["snapshot"]["line"]["kept"], page["snapshot"]["line"]["broken"]) == (False, 3)
    by_column = {one["column"]: one for one in page["snapshot"]["violations"]}
    assert (by_column["kind"]["rows"], by_column["kind"]["share"]) == (4, 0.5)
    assert by_column["kind"]["examples"][0] == {"row": 0, "value": HOSTILE}
    assert [one["row"] for one in by_column["a"]["examples"]] == []  # the last rule of `a` is about the whole: its mean
    assert {name for name, one in columns(page).items() if one["kept"] is False} == {"a", "kind"}
    assert [one["kept"] for one in page["checks"]] == [True, False]
    (brief,) = shown(app, "")["datasets"]
    assert (brief["newest"]["kept"], brief["newest"]["broken"], brief["snapshots"]) == (False, 3, 2)


def test_two_snapshots_are_compared_by_their_columns_and_figures(place, app):
    first = take(place)
    second = take(place, 10, extra=["u"] * 10)
    page = shown(app)
    assert (page["snapshot"]["before"]["digest"], page["snapshot"]["figures"]) == (first, True)
    found = columns(page)
    assert {name: one["change"] for name, one in found.items()} == {
        "id": "figures", "time": "figures", "a": "figures", "kind": "same", "y": "same", "extra": "added",
    }  # fmt: skip
    assert (found["extra"]["promise"], found["extra"]["kept"]) == ("", None)
    back = shown(app, snapshot=first, against=second)
    assert columns(back)["extra"]["change"] == "removed"
    assert shown(app, snapshot=first)["snapshot"]["before"] is None
    assert app.get("/w/loop/api/v1/pages/data/rows", params={"snapshot": "sha256:none"}).status_code == 404


def test_the_list_of_snapshots_comes_in_pages(place, app):
    for rows in range(4, 4 + 2 * 27, 2):
        take(place, rows)
    page = shown(app)
    assert (len(page["snapshots"]), page["snapshots_count"]) == (25, 27)
    rest = shown(app, after=page["next"])
    assert (len(rest["snapshots"]), rest["next"]) == (2, None)
    assert not {one["id"] for one in rest["snapshots"]} & {one["id"] for one in page["snapshots"]}


def test_a_snapshot_leads_to_the_runs_and_versions_that_came_of_it(place, app):
    digest = take(place)
    steps = Steps.of(place)
    run = steps.begun(node("fit", dataset="rows"), snapshots={"rows": digest})
    steps.begun(node("fit", dataset="rows"), snapshots={"rows": "sha256:" + "6" * 64})
    page = shown(app)
    assert [(one["run_id"], one["pipeline"], one["state"]) for one in page["snapshot"]["runs"]] == [(run, "train", "running")]
    assert page["snapshot"]["versions"] == []


def test_labels_say_how_far_they_are_mature_how_late_they_come_and_how_many_there_are(place, app):
    take(place)
    statements = [
        {"key": f"k{n}", "time_ms": NOW - 10 * DAY_MS, "value": True, "stated_ms": NOW - 10 * DAY_MS + n * HOUR_MS}
        for n in range(1, 11)
    ]
    labels.state(place.store, "loop", statements)
    row = {
        "id": "s" * 32, "workspace": "loop", "monitor": "log_loss", "kind": "quality", "version": 1, "from_ms": 1, "to_ms": 2, "value": 0.1,
        "low": None, "high": None, "bound": None, "rows": 50, "coverage": 0.8, "verdict": "kept", "because": "", "detail": "{}",
        "computed_ms": 3,
    }  # fmt: skip
    with place.store.database.write() as db:
        db.execute(insert(signals).values(**row))
    found = shown(app)["labels"]
    assert found["mature_until_ms"] == NOW - DAY_MS
    assert (found["holdout_to_ms"], found["holdout_from_ms"]) == (NOW - DAY_MS, NOW - 8 * DAY_MS)
    assert (found["newest_ms"], found["newest_source"]) == (NOW - 10 * DAY_MS + 10 * HOUR_MS, "api")
    assert found["lateness"] == {"labels": 10, "half_ms": 6 * HOUR_MS, "most_ms": 10 * HOUR_MS}
    assert found["coverage"] == {"monitor": "log_loss", "share": 0.8, "rows": 50, "from_ms": 1, "to_ms": 2}
    assert found["state"]["command"] == "regie dataset label rows"


def test_a_workspace_without_a_file_teaches_and_another_dataset_is_not_there(app):
    assert app.get("/api/v1/pages/data").json() == {"applied": False, "datasets": []}
    assert app.get("/w/loop/api/v1/pages/data/other").status_code == 404

"""The pages of datasets: what is promised, whether it is kept, with examples as text, what differs, and what came of it."""

import pytest
from sqlalchemy import delete, insert

from regie.app.home import open_home
from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.data.tables import snapshots
from tests.support.visit import axe, sideways

HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_dataset_shows_its_promises_kept_column_by_column(room):
    page = room.open("/w/WS/data")
    page.get_by_role("link", name="flights", exact=True).click()
    page.get_by_role("heading", name="Contract").wait_for()
    row = page.get_by_role("region", name="Columns").get_by_role("row").filter(has_text="distance")
    row.get_by_text("int > 0").wait_for()
    row.get_by_text("kept").wait_for()
    page.get_by_role("cell", name="rows >= 1000").or_(page.get_by_role("rowheader", name="rows >= 1000")).wait_for()
    page.get_by_role("heading", name="What came of it").wait_for()
    page.get_by_role("link", name="flights@").first.wait_for()


def test_two_snapshots_are_compared_and_the_choice_stands_in_the_address(room):
    page = room.open("/w/WS/data/flights")
    page.get_by_role("button", name="Compare with this one").last.click()
    page.wait_for_url("**against=*")
    room.ready(page)
    page.get_by_role("region", name="Difference between snapshots").first.wait_for()
    address = page.url
    page.go_back()
    page.wait_for_url(lambda url: "against" not in url)
    assert room.open(address.removeprefix(room.address)).get_by_text("rows before").is_visible()


@pytest.fixture
def broken(acting_room):
    """A snapshot that breaks the contract, with values of others' making; a column is gone, one has another type."""
    home = open_home(acting_room.platform.home)
    with acting_room.api as api:
        newest = api.datasets.show("flights")["snapshots"][0]
    report = {
        "rows": 1_000, "checked": [{"check": "rows >= 1000", "kept": True, "text": "1000"}],
        "broken": [
            {"rule": "carrier: cat[AA] (is none of the categories)", "column": "carrier", "rows": 250, "examples": [[7, HOSTILE]],
             "seen": ""},
            {"rule": f"{HOSTILE}: int", "column": HOSTILE, "rows": 0, "examples": [], "seen": "the column is missing"},
        ],
    }  # fmt: skip
    strange = {"name": HOSTILE, "type": "str", "role": "ignore", "nulls": 3}
    columns = [one | ({"type": "str"} if one["name"] == "distance" else {}) for one in newest["columns"] if one["name"] != "dest"]
    row = {
        "id": new_id(), "workspace": acting_room.workspace, "dataset": "flights", "digest": "sha256:" + "7" * 64, "rows": 1_000,
        "as_of_ms": newest["as_of_ms"], "from_ms": None, "to_ms": None, "state": "broken", "contract": canonical(report),
        "columns": canonical([*columns, strange]), "cause": "{}", "created_ms": newest["created_ms"],
    }  # fmt: skip
    with home.store.database.write() as db:
        db.execute(insert(snapshots).values(**row))
    yield
    with home.store.database.write() as db:
        db.execute(delete(snapshots).where(snapshots.c.id == row["id"]))
    home.store.database.close()


def test_a_broken_contract_shows_the_rows_and_values_that_break_it_as_text(acting, broken):
    page = acting.open("/w/WS/data/flights")
    page.locator("main header").get_by_text("2 rules broken").wait_for()
    page.get_by_text("25%").first.wait_for()
    page.get_by_text(HOSTILE).first.wait_for()
    assert page.locator("main img").count() == 0
    difference = page.get_by_role("region", name="Difference between snapshots").last
    assert difference.get_by_role("row").filter(has_text="dest").get_by_text("removed").is_visible()
    assert difference.get_by_role("row").filter(has_text="distance").get_by_text("another type").is_visible()
    assert sideways(page) <= 0
    assert axe(page) == []
    acting.open("/w/WS/data").get_by_text("2 rules broken").wait_for()


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_an_empty_workspace_teaches_what_comes_first(shared_room, lang):
    page = shared_room.visit(lang).open("/w/personal/data")
    page.get_by_text("regie apply").first.wait_for()

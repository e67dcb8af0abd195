"""The list of invariants: documented word for word, and silent on a home where all hold."""

import re
from pathlib import Path

import pytest
from sqlalchemy import insert

from regie.app import (
    invariant_files,
    invariant_people,
    invariant_production,
    invariant_release,
    invariant_runs,
    invariant_store,
)
from regie.app.home import open_home
from regie.app.invariants import INVARIANTS, broken
from regie.predictions import lake
from regie.predictions.ids import PredictionIds
from regie.store.tables import workspaces
from regie.store.types import LOCAL
from tests.support.place import record

PAGE = Path(__file__).parents[3] / "docs/reference/invariants.md"


@pytest.fixture
def home(tmp_path):
    made = open_home(tmp_path / "home")
    yield made
    made.store.database.close()


def test_every_invariant_is_documented_in_the_words_of_its_check():
    page = re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert page == [(name, (check.__doc__ or "").splitlines()[0]) for name, check in INVARIANTS]


def test_every_check_is_in_the_list():
    modules = (invariant_files, invariant_people, invariant_production, invariant_release, invariant_runs, invariant_store)
    made = [one for module in modules for name, one in vars(module).items() if name[0] != "_"]
    checks = {one.__name__ for one in made if getattr(one, "__annotations__", {}).keys() == {"look", "return"}}
    assert checks == {check.__name__ for _, check in INVARIANTS}


def test_a_new_home_breaks_none(home):
    assert broken(home.store.database, home.folder) == []


def test_without_its_folder_a_homes_rows_are_checked(home):
    assert broken(home.store.database) == []


def test_a_blob_whose_content_changed_is_named(home):
    digest = home.store.blobs.put(b"what was stored")
    home.store.blobs.path(digest).write_bytes(b"what is there")
    assert [one.invariant for one in broken(home.store.database, home.folder)] == ["blobs.true"]


def test_a_prediction_that_is_there_twice_or_was_never_given_out_is_named(home):
    with home.store.change(LOCAL, "workspace.create", "loop") as tx:
        row = {"name": "loop", "clock": "wall", "now_ms": 0, "secret": "00" * 32, "created_ms": 0}
        tx.execute(insert(workspaces).values(row))
    good = PredictionIds(bytes(32), 1).new()
    lake.ingest(home.predictions, "loop", [record(1, 1000, 1, ids=[good])], "a")
    assert broken(home.store.database, home.folder) == []
    lake.ingest(home.predictions, "loop", [record(1, 1000, 1, ids=[good])], "b")
    lake.ingest(home.predictions, "loop", [record(2, 1000, 1)], "c")
    found = [one.what for one in broken(home.store.database, home.folder) if one.invariant == "predictions.once"]
    assert any(f"{good} of version 1 (live) is there 2 times" in one for one in found)
    assert any("never given out" in one for one in found)


def test_a_segment_that_was_taken_in_from_its_middle_on_is_named(home):
    lake.ingest(home.predictions, "loop", [record(2, 1000, 1)], f"{'a' * 32}-{0:012d}-{500:012d}")
    names = {one.invariant for one in broken(home.store.database, home.folder)}
    assert "predictions.contiguous" in names

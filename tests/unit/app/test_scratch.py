"""HOME/scratch: what a killed worker left goes when a worker starts; what may be in use stays."""

import os
from pathlib import Path

import pytest

from regie.app.scratch import sweep
from regie.base.clock import DAY_MS, wall_ms
from regie.store import jobs
from regie.store.change import Store

OLD = ("task-old", "job-old", "code/old", "code/tmp-old")
YOUNG = ("task-young", "code/young")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    place = tmp_path / "scratch"
    for name in (*OLD, *YOUNG):
        (place / name / "work").mkdir(parents=True)
    for name in (*OLD, "code"):
        seconds = (wall_ms() - DAY_MS) / 1000 - 60
        os.utime(place / name, (seconds, seconds))
    return place


def left(place: Path) -> set[str]:
    return {name for name in (*OLD, *YOUNG) if (place / name).exists()}


def test_what_nobody_has_used_for_a_day_is_removed_and_the_rest_stays(sqlite_store: Store, scratch: Path) -> None:
    assert sweep(sqlite_store, scratch) == len(OLD)
    assert left(scratch) == set(YOUNG)
    assert sweep(sqlite_store, scratch) == 0


def test_while_a_job_runs_nothing_is_removed(sqlite_store: Store, scratch: Path) -> None:
    with sqlite_store.machinery() as batch:
        jobs.enqueue(batch, "w", "train", {})
    job = jobs.claim(sqlite_store, "another worker")
    assert job is not None
    assert sweep(sqlite_store, scratch) == 0
    assert left(scratch) == {*OLD, *YOUNG}


def test_a_link_is_not_followed_and_a_home_without_scratch_is_fine(sqlite_store: Store, scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (scratch / "link").symlink_to(tmp_path / "mine")
    sweep(sqlite_store, scratch)
    assert (tmp_path / "mine").is_dir()
    assert sweep(sqlite_store, tmp_path / "nowhere") == 0

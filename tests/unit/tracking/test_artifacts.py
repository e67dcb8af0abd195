"""Artifacts as ranges of a key: a folder is not its neighbour, and listing skips what lies deeper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from regie.base.errors import BadInput
from regie.store.types import LOCAL
from regie.tracking import artifacts, changes
from regie.tracking.artifacts import Entry

W, DIGEST = "w", "sha256:" + "0" * 64


@pytest.fixture
def root(store):
    return a_root(store)


def a_root(store):
    with store.change(LOCAL, "run.create", "r", workspace=W) as tx:
        return "runs/" + changes.create_run(tx, changes.ensure_experiment(tx, "e"), "n")


def put(store, root, *paths):
    with store.measure() as batch:
        for path in paths:
            artifacts.put(batch, W, root, path, DIGEST, len(path))


def listed(store, root, path=""):
    with store.read() as db:
        return artifacts.listed(db, W, root, path)


def test_artifacts_of_one_folder_are_not_those_of_its_neighbour(store, root):
    put(store, root, "a/x", "ab/x", "A/x", "a_/x", "a-b", "a0", "ä/x", "a/y/z")
    assert listed(store, root, "a") == [Entry("x", 3), Entry("y", None)]
    assert [one.name for one in listed(store, root)] == ["A", "a", "a-b", "a0", "a_", "ab", "ä"]
    assert listed(store, root, "a-b") == listed(store, root, "none") == []
    with store.measure() as batch:
        assert artifacts.remove(batch, W, root, "a") == 2
        assert artifacts.remove(batch, W, root, "a0") == 1
    with store.read() as db:
        assert [path for path, _, _ in artifacts.whole(db, W, root)] == ["A/x", "a-b", "a_/x", "ab/x", "ä/x"]


def test_a_file_is_no_folder_and_a_folder_no_file_but_a_longer_name_is_neither(store, root):
    put(store, root, "a/b", "ab", "a-", "a/b")
    for path in ("a", "a/b/c", "ab/c"):
        with pytest.raises(BadInput):
            put(store, root, path)


def test_listing_a_folder_reads_little_of_what_lies_deeper(store, root):
    put(store, root, *(f"deep/{number:05d}" for number in range(3_000)), *(f"many/{number}/x" for number in range(40)), "z")
    reads = []
    with store.read() as db:
        event.listen(db.engine, "after_cursor_execute", lambda *said: reads.append(said[2]))
        found = artifacts.listed(db, W, root)
    assert found == [Entry("deep", None), Entry("many", None), Entry("z", 1)]
    assert len(reads) <= 4
    assert len(listed(store, root, "deep")) == 3_000
    assert len(listed(store, root, "many")) == 40


names = st.text(alphabet="ab0-./ ä😀%\\", min_size=1, max_size=8).filter(
    lambda one: not one.startswith("/") and not one.endswith("/") and "//" not in one
)


@given(st.lists(names, min_size=1, max_size=12, unique=True))
def test_what_is_listed_is_what_a_file_system_would_show(shared_store, paths):
    store = shared_store
    root = a_root(store)
    kept = []
    for path in paths:
        try:
            put(store, root, path)
            kept.append(path)
        except BadInput:
            assert any(one.startswith(path + "/") or path.startswith(one + "/") for one in kept)
    folders = {""} | {"/".join(one.split("/")[:count]) for one in kept for count in range(1, len(one.split("/")))}
    for folder in folders:
        start = f"{folder}/" if folder else ""
        inside = {one[len(start) :].split("/")[0]: "/" in one[len(start) :] for one in kept if one.startswith(start)}
        assert [(one.name, one.bytes is None) for one in listed(store, root, folder)] == sorted(inside.items())


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    from tests.conftest import open_store

    folder = tmp_path_factory.mktemp("artifacts")
    made = open_store(f"sqlite:///{folder / 'regie.db'}", folder)
    yield made
    made.database.close()

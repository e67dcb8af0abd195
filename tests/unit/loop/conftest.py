"""A workspace on a driven clock over a real database, without processes."""

from pathlib import Path

import pytest

from regie.store.change import Store
from tests.support import asking
from tests.support.place import Place


@pytest.fixture
def place(sqlite_store: Store, tmp_path: Path) -> Place:
    return Place(sqlite_store, tmp_path)


@pytest.fixture
def asks(sqlite_store: Store, tmp_path: Path) -> Place:
    """A place whose file asks for approvals."""
    return asking.made(Place(sqlite_store, tmp_path))


@pytest.fixture
def either(store: Store, tmp_path: Path) -> Place:
    """The same on SQLite, then on PostgreSQL."""
    return asking.made(Place(store, tmp_path))

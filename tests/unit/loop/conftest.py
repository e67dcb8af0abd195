"""A workspace on a driven clock over a real database, without processes."""

from pathlib import Path

import pytest

from regie.store.change import Store
from tests.support.place import Place


@pytest.fixture
def place(sqlite_store: Store, tmp_path: Path) -> Place:
    return Place(sqlite_store, tmp_path)

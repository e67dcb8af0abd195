"""One running platform for the stories of a file; each story has a workspace of its own, or goes on with the file's."""

from collections.abc import Iterator

import pytest

from tests.support.platform import Platform, running


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("platform"), REGIE_LEASE_MS="2000") as made:
        yield made

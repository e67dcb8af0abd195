"""One executor for a module's tests, a home for each test."""

import pytest

from regie.pipelines.executors import ProcessExecutor
from tests.support.pipelines import World


@pytest.fixture(scope="module")
def executor():
    with ProcessExecutor() as one:
        yield one


@pytest.fixture
def world(tmp_path, executor):
    made = World(tmp_path, executor)
    yield made
    made.close()

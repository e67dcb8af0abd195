"""A run of workspace `team` and its files, for the tests of pages that show them; each file says who calls, and on which databases."""

import pytest

from tests.support import measured_runs


@pytest.fixture
def run_id(caller):
    return measured_runs.fill(caller.store, "team", measured_runs.experiment(caller.store, "team", "search"), 1)[0]


@pytest.fixture
def keep(caller, run_id):
    def keep(path, content):
        measured_runs.keep(caller.store, "team", run_id, path, content)
        return f"runs/{run_id}/{path}"

    return keep

"""What is loaded at a start is kept out of the collector's way, and the collector goes on with everything else."""

import gc

import pytest

from regie.base.loading import loading


def test_nothing_is_collected_meanwhile_and_what_was_made_is_not_looked_at_again():
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        made = [[] for _ in range(1_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(made)


def test_what_may_go_is_collected_when_it_has_gone():
    before = gc.get_freeze_count()
    with loading(stays=False):
        made = [[]]
        made.append(made)
    assert gc.isenabled()
    assert gc.get_freeze_count() <= before


def test_a_start_that_fails_leaves_the_collector_on():
    with pytest.raises(ImportError), loading():
        import a_library_that_is_not_there  # noqa: F401
    assert gc.isenabled()

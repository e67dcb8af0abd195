"""Whether another process lives, and whether it is still the one that was meant; by `/proc`, and by `ps` as on macOS."""

import os
import subprocess
import sys
import time

import pytest

from regie.base.processes import _asked_of_ps, is_alive, started

ASKED = pytest.mark.parametrize("asked", [started, _asked_of_ps])


@ASKED
def test_a_living_process_started_at_one_time(asked):
    assert asked(os.getpid())
    assert asked(os.getpid()) == asked(os.getpid())


@ASKED
def test_an_ended_process_has_no_start_even_before_its_parent_looks(asked):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    end = time.monotonic() + 10
    while asked(child.pid) is not None and time.monotonic() < end:
        time.sleep(0.02)
    assert asked(child.pid) is None
    child.wait()
    assert asked(child.pid) is None


def test_a_pid_that_was_used_again_is_another_process():
    assert is_alive(os.getpid(), started(os.getpid()))
    assert not is_alive(os.getpid(), "another start")


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1])
def test_what_is_no_process_does_not_live(pid):
    assert not is_alive(pid, None)

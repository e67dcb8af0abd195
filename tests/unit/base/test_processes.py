"""How this process is told to end."""

import os
import signal
import threading

import pytest

from regie.base.processes import StopSignal


@pytest.fixture
def stop():
    former = signal.getsignal(signal.SIGUSR2)
    yield StopSignal([signal.SIGUSR2])
    signal.signal(signal.SIGUSR2, former)


def test_a_signal_ends_the_wait_and_stays_set(stop):
    assert not stop.wait(0.001)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2)).start()
    assert stop.wait(60)
    assert stop.is_set()
    assert stop.wait(60)


def test_a_signal_in_the_middle_of_setting_does_not_block(stop):
    """As happens where two are sent: the second handler runs inside the first."""
    for _ in range(70_000):  # more than a pipe holds
        stop.set()
    signal.raise_signal(signal.SIGUSR2)
    assert stop.wait(60)

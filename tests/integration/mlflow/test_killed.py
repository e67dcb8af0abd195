"""`kill -9` of the server under sixteen clients. The long version is tests/chaos/test_tracking.py."""

from tests.support.loggers import RETRIES, Loggers


def test_nothing_that_clients_were_told_is_kept_is_lost_or_doubled_when_the_server_is_killed(tmp_path, monkeypatch):
    for name, value in RETRIES.items():
        monkeypatch.setenv(name, value)
    with Loggers(tmp_path).logging() as load:
        load.kill(after=100)
    assert load.told

"""A PostgreSQL of its own for tests: made by `initdb`, listening on a free port of this machine, gone with the block.

It runs as the user `postgres` where the tests run as root, because PostgreSQL refuses root. `fsync` is off, but for benchmarks.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

OPTIONS = "-c listen_addresses=127.0.0.1 -c max_connections=200"
FORGETFUL = " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
TRIES = 5


@contextmanager
def start(folder: Path, durable: bool = False) -> Iterator[str]:
    """Start a server that says what it does in `folder/output`; gives the URL of its database `postgres`. `durable`: as in production."""
    folder.mkdir(parents=True, exist_ok=True)
    # Not below pytest's folder: each start of pytest closes that one to other users, the running server's among them. And a
    # socket's path may have about 100 bytes, so the folder's name is short.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as home:
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        data = f"{home}/data"
        _run(folder, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        port = _listen(folder, home, data, OPTIONS if durable else OPTIONS + FORGETFUL)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(folder, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def restart(folder: Path, url: str) -> None:
    """Restart the server that `start` gave the URL of: every connection is cut, nothing that was committed is lost."""
    with psycopg.connect(url) as connection:
        data = connection.execute("SHOW data_directory").fetchone()
    assert data is not None
    _run(folder, "pg_ctl", "-D", data[0], "-m", "fast", "-w", "restart", "-l", f"{data[0]}/../log")


def cut(url: str) -> None:
    """Cut every other connection to the database of the URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        words = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(words)


def _listen(folder: Path, home: str, data: str, options: str) -> int:
    """Another process may take a free port before the server does; then with another one."""
    for left in reversed(range(TRIES)):
        port = _free_port()
        try:
            _run(folder, "pg_ctl", "-D", data, "-l", f"{home}/log", "-w", "-o", f"{options} -p {port} -k {home}", "start")
        except RuntimeError:
            if not left:
                raise
        else:
            return port
    raise AssertionError


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _run(folder: Path, *command: str) -> None:
    user = "postgres" if os.geteuid() == 0 else None
    # To a file, never to a pipe: the server would hold it open, and we would wait for its end.
    with (folder / "output").open("ab") as output:
        done = subprocess.run(
            command, user=user, group=user, extra_groups=[] if user else None, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, check=False, cwd="/", start_new_session=True,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{(folder / 'output').read_text()}")

"""A PostgreSQL of its own for tests: made by `initdb`, listening on a free port of this machine, gone with the block.

It runs as the user `postgres` where the tests run as root, because PostgreSQL refuses root. `fsync` is off: only for tests.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPTIONS = "-c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
TRIES = 5


@contextmanager
def start(folder: Path) -> Iterator[str]:
    """Start a server that says what it does in `folder/output`; gives the URL of its database `postgres`."""
    folder.mkdir(parents=True, exist_ok=True)
    # Not below pytest's folder: each start of pytest closes that one to other users, the running server's among them. And a
    # socket's path may have about 100 bytes, so the folder's name is short.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as home:
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        data = f"{home}/data"
        _run(folder, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        port = _listen(folder, home, data)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(folder, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _listen(folder: Path, home: str, data: str) -> int:
    """Another process may take a free port before the server does; then with another one."""
    for left in reversed(range(TRIES)):
        port = _free_port()
        try:
            _run(folder, "pg_ctl", "-D", data, "-l", f"{home}/log", "-w", "-o", f"{OPTIONS} -p {port} -k {home}", "start")
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

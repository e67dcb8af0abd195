"""From the command `regie pipeline run` to the first line of the user's code, while server and worker are up.

The step writes down when it began; the clock starts before the command's process does. No step is answered by the cache: each
run has another parameter. *First*: in a home where no task has run yet, so that the process that starts tasks starts too.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.processes import free_ports

RUNS = 9
READY_S, RUN_S = 60.0, 60.0
SPEC = """
regie: 1
workspace: bench
pipelines: {hello: {run: flow:hello}}
"""
FLOW = """
import time
from pathlib import Path

from regie import pipeline, step


@step
def say(number: int) -> int:
    Path(MARKS, f"{number}.part").write_text(repr(time.time()))
    Path(MARKS, f"{number}.part").rename(Path(MARKS, str(number)))
    return number


@pipeline
def hello(number: int) -> int:
    return say(number)
"""


def run() -> list[str]:
    """Lines of a table: milliseconds, the first run and the median of the others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "marks").mkdir()
        (folder / "regie.yaml").write_text(SPEC)
        (folder / "flow.py").write_text(f"MARKS = {str(folder / 'marks')!r}\n" + FLOW)
        with _platform(folder) as environ:
            subprocess.run(
                [*REGIE, "apply"], check=True, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            took = [_first_line(folder, environ, number) for number in range(1, RUNS + 1)]
    return [
        "| `regie pipeline run` to the first line of user code | milliseconds |",
        "|---|---|",
        f"| the first run of a home | {took[0]:,.0f} |",
        f"| each further one | {statistics.median(took[1:]):,.0f} (least {min(took[1:]):,.0f}) |",
    ]


REGIE = [sys.executable, "-m", "regie"]


def _first_line(folder: Path, environ: dict[str, str], number: int) -> float:
    """Milliseconds. The step's clock is the machine's, as is ours."""
    mark, began = folder / "marks" / str(number), time.time()
    subprocess.run(
        [*REGIE, "pipeline", "run", "hello", "-p", f"number={number}"], check=True, cwd=folder, env=environ,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + RUN_S
    while not mark.exists():
        assert time.monotonic() < until, "the step did not begin"
        time.sleep(0.002)
    return (float(mark.read_text()) - began) * 1000


@contextmanager
def _platform(folder: Path) -> Iterator[dict[str, str]]:
    """A server and a worker; the environment in which commands find them."""
    port = free_ports()[0]
    address, home = f"http://127.0.0.1:{port}", str(folder / "home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGIE_", "MLFLOW_"))}
    environ = kept | {"XDG_CONFIG_HOME": str(folder), "REGIE_SERVER": address}
    commands = ([*REGIE, "server", "--home", home, "--port", str(port)], [*REGIE, "worker", "--home", home, "--server", address])
    started = []
    try:
        with (folder / "log.txt").open("ab") as log:
            for command in commands:
                started.append(subprocess.Popen(command, env=environ, stdout=log, stderr=log))
                _wait_for(address)
        yield environ
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def _wait_for(address: str) -> None:
    until = time.monotonic() + READY_S
    while True:
        try:
            if httpx2.get(f"{address}/health", trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < until, "the server does not answer"
        time.sleep(0.05)


if __name__ == "__main__":
    print("\n".join(run()))

"""`import regie` and `regie --help`, beside other tools': CPU time of the whole process, and the modules that it has loaded.

CPU time (user and system) of a child process, which a busy machine distorts little; the interpreter's own start is in each figure,
and stands in the first row. Modules and bytecode are in the cache of the disk: one run before is not counted.
"""

import os
import statistics
import subprocess
import sys

from benchmarks import peers

ROUNDS = 9
PEER_ROUNDS = 3  # they take seconds
COMMANDS = {"kedro": "kedro", "mlflow": "mlflow", "prefect": "prefect", "zenml": "zenml"}
SCRIPT = (
    "import sys; from importlib.metadata import entry_points; sys.argv[0] = {0!r};"
    "entry_points(group='console_scripts', name={0!r})[{0!r}].load()()"
)


def run() -> list[str]:
    """Lines of a table: the median of the rounds."""
    lines = ["| process | CPU ms | modules |", "|---|---|---|", _row("Python alone", sys.executable, "pass", ROUNDS)]
    lines += [_row("`import regie`", sys.executable, "import regie", ROUNDS)]
    lines += [_row("`regie --help`", sys.executable, "from regie.cli import main; main()", ROUNDS, "--help")]
    for name, command in COMMANDS.items():
        interpreter = peers.python(name)
        if interpreter is None:
            lines.append(f"| peer: {name} | {peers.ABSENT} | |")
            continue
        lines.append(_row(f"peer: `import {name}`", interpreter, f"import {name}", PEER_ROUNDS))
        lines.append(_row(f"peer: `{command} --help`", interpreter, SCRIPT.format(command), PEER_ROUNDS, "--help"))
    return lines


def _row(what: str, interpreter: str, code: str, rounds: int, *words: str) -> str:
    count = _modules(interpreter, code, words)  # also the run that is not counted
    return f"| {what} | {statistics.median(_cpu_ms([interpreter, '-c', code, *words]) for _ in range(rounds)):,.0f} | {count:,} |"


def _cpu_ms(command: list[str]) -> float:
    """Of the process and those that it waited for."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{command}: exit code {child.returncode}"
    return (used.ru_utime + used.ru_stime) * 1000


def _modules(interpreter: str, code: str, words: tuple[str, ...]) -> int:
    counting = f"import atexit, sys; atexit.register(lambda: print(len(sys.modules), file=sys.stderr)); {code}"
    done = subprocess.run([interpreter, "-c", counting, *words], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1])


if __name__ == "__main__":
    print("\n".join(run()))

"""Run the benchmarks and write their tables into docs/benchmarks.md, between the markers; the words around them are a person's.

`python -m benchmarks [PART...]`: all parts, or some. A part that fails keeps its former table, with the day of it, and the exit code is 1.
With `PEERS=1` in the environment the peers are installed first.
"""

import importlib
import importlib.metadata
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from benchmarks import peers

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
LIBRARIES = ("regie", "sqlalchemy", "lightgbm", "pandas", "numpy", "fastapi", "uvicorn")
# Each has a `run() -> list[str]`; what is measured by the wall's clock first, before the machine is warm from the rest.
PARTS = (
    "queue_jobs",
    "audited_changes",
    "pipeline_steps",
    "pipeline_first_line",
    "idle_processes",
    "serve_one_row",
    "answer_one_row",
    "start_up",
)


def main(words: list[str]) -> int:
    """Run the named parts, by default all; returns the exit code."""
    unknown = set(words) - set(PARTS)
    if unknown:
        print(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if os.environ.get("PEERS"):
        peers.install()
    told, failed = machine(), []
    for name in words or PARTS:
        began = time.monotonic()
        try:
            lines = importlib.import_module(f"benchmarks.{name}").run()
        except Exception:  # noqa: BLE001 - whatever fails, the other parts are measured
            traceback.print_exc()
            failed.append(name)
            continue
        lines += ["", f"Measured on {time.strftime('%Y-%m-%d')}; {told}."]
        print("\n".join(["", f"## {name}, {time.monotonic() - began:.0f} s", *lines]), flush=True)
        PAGE.write_text(filled(PAGE.read_text("utf-8"), {name: lines}), "utf-8")
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def filled(page: str, tables: Mapping[str, list[str]]) -> str:
    """The page with these tables between their markers. Raises KeyError for a table without a place."""
    for name, lines in tables.items():
        opening, end = f"<!-- {name}: written by make bench -->", "<!-- end -->"
        if page.count(opening) != 1:
            raise KeyError(f"{PAGE.name} has no place for {name}")
        between = re.compile(re.escape(opening) + ".*?" + re.escape(end), re.DOTALL)
        new = "\n".join([opening, "", *lines, "", end])
        page = between.sub(lambda _, new=new: new, page)  # type: ignore[misc]
    return page


def machine() -> str:
    """The machine, how busy it was at the start, and the versions that count."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    theirs = peers.versions()
    return (
        f"{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} at the start; {versions}" + (f"; peers: {theirs}" if theirs else "")
    )


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        named = [
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
    except OSError:
        named = []
    return named[0] if named else platform.processor() or "processor unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run every benchmark and write docs/benchmarks.md, with the machine and the day."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path

from benchmarks import answer_one_row, serve_one_row

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
LIBRARIES = ("lightgbm", "pandas", "numpy", "fastapi", "uvicorn")
OPENING = """# Benchmarks

Written by `make bench` (`python -m benchmarks`). A peer runs beside us in the same run, in turns, so the ratio says more than the
figures. The model: 120 trees of LightGBM on 17 columns.
"""
PARTS = (
    ("One-row requests over HTTP", "`benchmarks/serve_one_row.py`: one client, one request after the other.", serve_one_row),
    ("One row inside a process", "`benchmarks/answer_one_row.py`: no HTTP, no log; CPU time.", answer_one_row),
)  # fmt: skip


def main() -> None:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    machine = (
        f"{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    lines = [
        OPENING,
        f"Measured on {time.strftime('%Y-%m-%d')}: {machine}, load {os.getloadavg()[0]:.1f} at the start; {versions}.",
    ]
    for title, says, part in PARTS:
        lines += ["", f"## {title}", "", says, "", *part.run()]
    PAGE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


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
    main()

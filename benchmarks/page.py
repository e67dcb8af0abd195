"""The page that the benchmarks write: their tables between markers, and under each the day, the machine and the versions."""

import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import peers

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
LIBRARIES = ("regie", "sqlalchemy", "lightgbm", "pandas", "numpy", "fastapi", "uvicorn")


def write(tables: Mapping[str, list[str]], by: str = "make bench") -> None:
    """Put these tables into the page. Raises KeyError for a table without a place; then nothing is written."""
    PAGE.write_text(filled(PAGE.read_text("utf-8"), tables, by), "utf-8")


def filled(page: str, tables: Mapping[str, list[str]], by: str = "make bench") -> str:
    """The page with these tables between their markers. Raises KeyError for a table without a place."""
    for name, lines in tables.items():
        opening, end = f"<!-- {name}: written by {by} -->", "<!-- end -->"
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

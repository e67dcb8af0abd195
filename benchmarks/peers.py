"""Peers beside us, each in an environment of its own: `benchmarks/.peers/NAME`, which `make bench PEERS=1` makes from PyPI.

A peer that is not there is "not installed" in the tables; no figure of another day stands in for it.
"""

import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / ".peers"
PACKAGES = {
    "dbos": ("dbos", "psycopg[binary]"),
    "kedro": ("kedro",),
    "mlflow": ("mlflow", "psycopg[binary]"),  # the driver, for its server on PostgreSQL
    "prefect": ("prefect",),
    "zenml": ("zenml[local]",),
}
ABSENT, STAMP = "not installed", "installed"  # the stamp says which packages


def install(names: Iterable[str] = PACKAGES) -> None:
    """Make the environments that are not there yet, or lack a package. A peer that cannot be installed is left out, and said so."""
    for name in names:
        stamp, wanted = FOLDER / name / STAMP, " ".join(PACKAGES[name])
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        print(f"installing {name}...", file=sys.stderr)
        if not stamp.exists():
            venv.create(FOLDER / name, with_pip=True, clear=True)
        pip = [str(FOLDER / name / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *PACKAGES[name]], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} cannot be installed: {done.stderr[-500:]}", file=sys.stderr)
        else:
            stamp.write_text(wanted)


def python(name: str) -> str | None:
    """The peer's interpreter, if it is installed."""
    folder = FOLDER / name
    return str(folder / "bin/python") if (folder / STAMP).exists() else None


def versions() -> str:
    """The versions of those that are installed, for the page."""
    said = []
    for name in PACKAGES:
        if found := python(name):
            ask = f"import importlib.metadata as m; print(m.version({name!r}))"
            said.append(f"{name} {subprocess.run([found, '-c', ask], capture_output=True, text=True, check=True).stdout.strip()}")
    return ", ".join(said)

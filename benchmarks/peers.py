"""Peers beside us, each in an environment of its own: `benchmarks/.peers/NAME`, which `make bench PEERS=1` makes from PyPI.

A peer that is not there is "not installed" in the tables; no figure of another day stands in for it.
"""

import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parent / ".peers"
PACKAGES = {
    "dbos": ("dbos", "psycopg[binary]"),
    "kedro": ("kedro",),
    "mlflow": ("mlflow",),
    "prefect": ("prefect",),
    "zenml": ("zenml[local]",),
}
ABSENT = "not installed"


def install() -> None:
    """Make the environments that are not there yet. A peer that cannot be installed is left out, and said so."""
    for name, packages in PACKAGES.items():
        if python(name):
            continue
        print(f"installing {name}...", file=sys.stderr)
        venv.create(FOLDER / name, with_pip=True, clear=True)
        pip = [str(FOLDER / name / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} cannot be installed: {done.stderr[-500:]}", file=sys.stderr)
        else:
            (FOLDER / name / "installed").touch()


def python(name: str) -> str | None:
    """The peer's interpreter, if it is installed."""
    folder = FOLDER / name
    return str(folder / "bin/python") if (folder / "installed").exists() else None


def versions() -> str:
    """The versions of those that are installed, for the page."""
    said = []
    for name in PACKAGES:
        if found := python(name):
            ask = f"import importlib.metadata as m; print(m.version({name!r}))"
            said.append(f"{name} {subprocess.run([found, '-c', ask], capture_output=True, text=True, check=True).stdout.strip()}")
    return ", ".join(said)

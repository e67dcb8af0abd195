"""The control room comes into every wheel and editable install: `ui/build.py` makes it. `REGIE_UI=0` leaves it out."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ControlRoom(BuildHookInterface[Any]):
    """Runs before a wheel is put together. An sdist holds the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if os.environ.get("REGIE_UI") == "0":
            return
        done = subprocess.run([sys.executable, str(Path(self.root, "ui/build.py"))], check=False)
        if done.returncode:
            raise SystemExit(done.returncode)  # it has said why
        build_data["artifacts"].append("/src/regie/_ui/")  # git ignores it

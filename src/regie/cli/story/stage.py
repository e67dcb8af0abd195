"""What the acts share: the running system, the screen, the claims; all that they look at, they look at from outside.

An act uses the commands, the HTTP API, the endpoint and the real mlflow client, never the database or the code of the server.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regie.base.clock import monotonic
from regie.cli.story.chronicle import Chronicle
from regie.cli.story.claims import Claims
from regie.cli.story.running import WORKSPACE, DemoFailed, Outcome, Regie
from regie.cli.story.screen import Screen
from regie.client.http import Client

MODEL = WORKSPACE
FIRST_DAY = 45  # the champion learns from the first 45 days
REPLAY_FROM = "2013-02-15T00:00:00Z"
SETTLE_S = 120
LOOK_S = 0.1
Rows = list[dict[str, Any]]


@dataclass
class Stage:
    """What the acts share."""

    regie: Regie
    api: Client
    screen: Screen
    claims: Claims
    chronicle: Chronicle
    bad_version: int = 0

    def ran(self, *args: str, folder: Path | None = None) -> Outcome:
        """A command that must succeed."""
        done = self.regie.command(*args, folder=folder)
        self.claims.expect(
            f"`regie {' '.join(args)}` succeeds", done.code == 0, "exit code 0", f"{done.code}: {done.err[-1500:]}"
        )
        return done

    def versions(self) -> Rows:
        """Every version of the model, with its evidence."""
        found: Rows = self.api.models.show(MODEL)["versions"]
        return found

    def version(self, number: int) -> dict[str, Any]:
        return next(one for one in self.versions() if int(one["version"]) == number)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something is to be seen. Raises DemoFailed."""
        end = monotonic() + SETTLE_S
        while not holds():
            if monotonic() > end:
                raise DemoFailed(f"{what}: not seen within {SETTLE_S} s", self.regie.address, f"see {self.regie.log}")
            time.sleep(LOOK_S)

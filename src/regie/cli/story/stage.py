"""What the acts share: the running system, the screen, the claims; all that they look at, they look at from outside.

An act uses the commands, the HTTP API, the endpoint and the real mlflow client, never the database or the code of the server.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regie.base.clock import monotonic
from regie.cli.story.chronicle import Chronicle
from regie.cli.story.claims import Claims
from regie.cli.story.connection import Connection, request
from regie.cli.story.place import example
from regie.cli.story.running import HOST, WORKSPACE, DemoFailed, Outcome, Regie
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
    damage: Rows = field(default_factory=list)  # what each bad canary cost
    crashes: Rows = field(default_factory=list)
    approvals: Rows = field(default_factory=list)
    by_hand: Rows = field(default_factory=list)  # rollbacks that a person ordered

    def ran(self, *args: str, folder: Path | None = None) -> Outcome:
        """A command that must succeed."""
        done = self.regie.command(*args, folder=folder)
        self.claims.expect(
            f"`regie {' '.join(args)}` succeeds", done.code == 0, "exit code 0", f"{done.code}: {done.err[-1500:]}"
        )
        return done

    @property
    def example(self) -> Path:
        """regie.yaml as the example has it."""
        return example() / "regie.yaml"

    def versions(self) -> Rows:
        """Every version of the model, with its evidence."""
        found: Rows = self.api.models.show(MODEL)["versions"]
        return found

    def version(self, number: int) -> dict[str, Any]:
        return next(one for one in self.versions() if int(one["version"]) == number)

    def apply(self, changes: Mapping[str, str]) -> None:
        """Write regie.yaml as the example has it, but for some phrases, and apply it."""
        file = self.regie.project / "regie.yaml"
        text = self.example.read_text()
        for phrase, instead in changes.items():
            self.claims.expect(f"regie.yaml says `{phrase}`", text.count(phrase) == 1, "once", text.count(phrase))
            text = text.replace(phrase, instead)
        file.write_text(text)
        self.ran("apply")

    def copied(self, name: str, edit: Callable[[str], str]) -> Path:
        """A copy of the project with an edited flow.py, as on a colleague's disk."""
        folder = self.regie.home / name
        shutil.copytree(self.regie.project, folder, ignore=shutil.ignore_patterns("data", "__pycache__"), dirs_exist_ok=True)
        flow = folder / "flow.py"
        flow.write_text(edit(flow.read_text()))
        return folder

    def trained(self, folder: Path | None = None) -> int:
        """Train by hand and let the gates judge; returns the version that competed."""
        before = {int(one["version"]) for one in self.versions()}
        self.ran("pipeline", "run", "train", "--wait", folder=folder)
        self.until("the gates judged it", lambda: any(_judged(one) for one in self._since(before)))
        return next(int(one["version"]) for one in self._since(before) if _judged(one))

    def rollout_of(self, version: int) -> dict[str, Any]:
        """The version's rollout, when it runs and its first stage is served."""
        self.until(f"the rollout of version {version} runs", lambda: self._running(version))
        found: dict[str, Any] = self.api.status()["rollout"]
        return found

    def health(self) -> dict[str, Any]:
        """What the endpoint says of itself."""
        found: dict[str, Any] = json.loads(self._asked("/health"))
        return found

    def counted(self, name: str, version: int) -> int:
        """One of the endpoint's counters, of a version: `regie_NAME_total` of `GET /metrics`."""
        text = self._asked("/metrics").decode()
        label = f'version="{version}"'
        lines = [line for line in text.splitlines() if line.startswith(f"regie_{name}_total{{") and label in line]
        return int(float(lines[0].rpartition(" ")[2])) if lines else 0

    def _asked(self, path: str) -> bytes:
        with Connection(HOST, self.regie.serve_port) as connection:
            return connection.send(request("GET", path, f"{HOST}:{self.regie.serve_port}"))[1]

    def process_of(self, version: int) -> int | None:
        """The process in which a version answers beside the champion."""
        found: int | None = self.health()["endpoints"][MODEL]["processes"].get(str(version))
        return found

    def _since(self, before: set[int]) -> Rows:
        return [one for one in self.versions() if int(one["version"]) not in before]

    def _running(self, version: int) -> bool:
        found = self.api.status()["rollout"]
        return bool(
            found and int(found["version"]) == version and found["state"] == "running" and found["entered_ms"] is not None
        )

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something is to be seen. Raises DemoFailed."""
        end = monotonic() + SETTLE_S
        while not holds():
            if monotonic() > end:
                raise DemoFailed(f"{what}: not seen within {SETTLE_S} s", self.regie.address, f"see {self.regie.log}")
            time.sleep(LOOK_S)


def _judged(version: dict[str, Any]) -> bool:
    """Whether the gates have said something of a version that competes."""
    found = version["qualification"]
    return bool(found and found["state"] not in ("waiting", "judging"))

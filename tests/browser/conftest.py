"""The control room in a real browser: Debian's chromium, over a server that three weeks of the demo have filled.

The home is filled once a session, in `test_summer.py`, which is played first; each worker of a parallel run has copies of it with
servers of its own. `room` opens pages of one that tests only read; `acting` of one to act on: a test leaves it so that others find their
rollout running and their version waiting, or its file says `ALONE = True` and has a copy of its own.
`REGIE_BROWSER_HOME=DIR` keeps the filled home between sessions; `REGIE_CHROMIUM` names another chromium.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from regie.client.http import Client
from tests.support import chromium
from tests.support.platform import Platform
from tests.support.visit import Visit, sign_in, watched
from ui import build

HERE = Path(__file__).parent
FIRST = "test_summer.py"
WORKSPACE = "flights"
LIMIT_S = 900  # the first test of a worker waits until the home is filled


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What fills the home comes first, and what needs it last: in between, other workers need not wait for it."""
    mine = [one for one in items if one.path.parent == HERE]
    for one in mine:
        one.add_marker(pytest.mark.timeout(LIMIT_S))
    first = [one for one in mine if one.path.name == FIRST]
    last = [one for one in mine if one.path.name != FIRST]
    items[:] = [*first, *(one for one in items if one.path.parent != HERE), *last]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.found() is None:
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        made = chromium.chromium(playwright)
        yield made
        made.close()


@pytest.fixture(scope="session")
def summer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that three weeks of the demo have filled; nothing runs on it. To be copied, never used."""
    if os.environ.get("REGIE_UI") == "0":
        pytest.skip("REGIE_UI=0: there is no control room")
    build.build()
    base = tmp_path_factory.getbasetemp()
    kept = os.environ.get("REGIE_BROWSER_HOME")
    home = Path(kept).resolve() if kept else (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "summer"
    home.parent.mkdir(parents=True, exist_ok=True)
    done, log = home.with_name(f"{home.name}.done"), home.with_name(f"{home.name}.log")
    with _locked(home.with_name(f"{home.name}.lock")):
        if not done.exists():
            with log.open("wb") as out:
                words = [sys.executable, "-m", "tests.support.summer", str(home)]
                code = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode
            done.write_text(str(code))
    assert done.read_text() == "0", f"the home was not filled:\n{log.read_text()[-3000:]}"
    return home


@dataclass
class Room:
    """A running copy of the filled home. `open` opens a page of it."""

    platform: Platform
    browser: Browser
    visits: dict[tuple[str, ...], Visit] = field(default_factory=dict)
    workspace: str = WORKSPACE

    @property
    def address(self) -> str:
        return self.platform.address

    @property
    def api(self) -> Client:
        """The workspace's API, for the local user."""
        return self.platform.client(self.workspace)

    def visit(self, lang: str = "en", theme: str = "light", token: str = "") -> Visit:
        """A person before the control room; the same one for the same words, so that tests need not sign in again."""
        known = (lang, theme, token)
        if known not in self.visits:
            self.visits[known] = self.stranger(lang, theme)
            sign_in(self.visits[known].context, self.address, token)
        return self.visits[known]

    def stranger(self, lang: str = "en", theme: str = "light") -> Visit:
        """Somebody who is not signed in."""
        scheme: Any = theme
        context = self.browser.new_context(locale=lang, color_scheme=scheme, timezone_id="Europe/Paris", reduced_motion="reduce")
        return Visit(context, self.address, self.workspace, lang, theme)

    def token(self, actor: str) -> str:
        """A new token of a person: `ada`, who is a validator everywhere, is there."""
        with self.platform.http() as http:
            made = http.post(f"/api/v1/actors/{actor}/tokens", json={"reason": "a test", "everywhere": True})
        found: str = made.raise_for_status().json()["token"]
        return found

    def records(self, action: str) -> list[dict[str, Any]]:
        """The audit records of an action, oldest first."""
        with self.api as api:
            return [one for one in api.audit.records() if one["action"] == action]

    def leave(self) -> None:
        """Close all pages: one that is left open asks again whenever something happens."""
        for one in self.visits.values():
            for page in one.context.pages:
                page.close()

    def close(self) -> None:
        for one in self.visits.values():
            one.context.close()


@pytest.fixture(scope="session")
def shared_room(summer: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with _running(summer, tmp_path_factory.mktemp("room"), browser, "server", "serve") as made:
        yield made


@pytest.fixture(scope="session")
def used_room(summer: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with _running(summer, tmp_path_factory.mktemp("used"), browser, "server") as made:
        yield made


@pytest.fixture(scope="module")
def acting_room(
    request: pytest.FixtureRequest, summer: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    """A copy to act on, with a server; no worker and no node, but where a file begins one. See above."""
    if not getattr(request.module, "ALONE", False):
        used: Room = request.getfixturevalue("used_room")
        yield used
        used.leave()
        return
    with _running(summer, tmp_path_factory.mktemp("alone"), browser, "server") as made:
        yield made


@pytest.fixture
def room(shared_room: Room) -> Iterator[Visit]:
    """The local user before the shared room, in English and in light; nothing may go wrong on its pages."""
    with watched(shared_room.visit()) as visit:
        yield visit


@pytest.fixture
def acting(acting_room: Room) -> Iterator[Visit]:
    """The local user before the room to act on."""
    with watched(acting_room.visit()) as visit:
        yield visit


@contextmanager
def _running(home: Path, folder: Path, browser: Browser, *processes: str) -> Iterator[Room]:
    shutil.copytree(home, folder / "home", ignore=shutil.ignore_patterns("logs", "scratch", "up.json"))
    platform = Platform(folder)
    made = Room(platform, browser)
    try:
        for one in processes:
            platform.begin(one)
        yield made
    finally:
        made.close()
        platform.stop()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

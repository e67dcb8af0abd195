"""The README's pictures: `python -m tests.support.pictures` plays the demo and takes them from its control room, in light and English.

Two homes: the whole year (`regie demo`, three minutes), and its three weeks of June that end in the middle of a rollout
(`tests/support/summer.py`, one minute). `--year HOME`, `--weeks HOME`: finished ones, which are copied. They run here while it takes.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from regie.client.http import Client
from tests.support.chromium import chromium
from tests.support.platform import Platform
from tests.support.visit import Visit, sign_in
from ui import build

FOLDER = Path(__file__).parents[2] / "docs/pictures"
WORKSPACE = "flights"
WIDTH = 1280
MOST_BYTES = 150 * 1024  # each; they come with every clone
STILL_MS = 700  # charts draw themselves in frames after their data


@dataclass(frozen=True)
class Picture:
    """`path` may name the newest rollout as ROLLOUT."""

    name: str
    home: str
    path: str
    height: int = 800


PICTURES = (
    Picture("control-room", "weeks", "/", 520),
    Picture("rollout", "weeks", "/w/WS/rollouts/ROLLOUT"),
    Picture("model", "year", "/w/WS/models/flights"),
    Picture("monitors", "year", "/w/WS/monitors"),
)
PLAYS = {
    "year": ("regie", "demo", "--home"),
    "weeks": ("tests.support.summer",),
}


def take(kind: str, home: Path) -> None:
    """Take the pictures of one finished home. Raises ValueError where one is too large for a clone."""
    build.build()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            home, Path(folder, "home"), ignore=shutil.ignore_patterns("logs", "scratch", "up.json", "changed.db", "cut.db")
        )
        platform = Platform(Path(folder))
        try:
            platform.begin("server")
            platform.begin("serve")
            with sync_playwright() as playwright, platform.client(WORKSPACE) as api:
                _take_all(chromium(playwright), platform.address, api, [one for one in PICTURES if one.home == kind])
        finally:
            platform.stop()


def _take_all(browser: Browser, address: str, api: Client, wanted: list[Picture]) -> None:
    said: dict[str, Any] = {"locale": "en", "color_scheme": "light", "timezone_id": "UTC", "reduced_motion": "reduce"}
    context = browser.new_context(**said)
    sign_in(context, address)
    visit = Visit(context, address, WORKSPACE, "en", "light")
    for one in wanted:
        page = visit.open(one.path.replace("ROLLOUT", api.rollouts.list()[0]["id"]), WIDTH)
        page.set_viewport_size({"width": WIDTH, "height": one.height})
        page.wait_for_timeout(STILL_MS)
        file = FOLDER / f"{one.name}.png"
        page.screenshot(path=file, animations="disabled", caret="hide")
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(
                f"{file} has {file.stat().st_size:,} bytes, at most {MOST_BYTES:,} are wanted: show less of the page"
            )
        print(f"{file}  {file.stat().st_size:,} bytes")
    browser.close()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for kind in PLAYS:
        parser.add_argument(f"--{kind}", type=Path)
    given = vars(parser.parse_args(words))
    with tempfile.TemporaryDirectory() as folder:
        for kind, play in PLAYS.items():
            home = given[kind] or Path(folder, kind)
            if not given[kind]:
                subprocess.run([sys.executable, "-m", *play, str(home)], check=True)
            take(kind, home)


if __name__ == "__main__":
    main(sys.argv[1:])

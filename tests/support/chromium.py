"""Debian's chromium: found on PATH, or named by REGIE_CHROMIUM. Playwright's own browsers are not asked for."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

ARGUMENTS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
MISSING = "there is no chromium on PATH: apt-get install chromium, or name one in REGIE_CHROMIUM"


def found() -> str | None:
    """The program, if there is one."""
    return os.environ.get("REGIE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def chromium(playwright: Playwright) -> Browser:
    """A browser without a window. Raises RuntimeError where there is none."""
    program = found()
    if program is None:
        raise RuntimeError(MISSING)
    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox needs a user that is not root
    return playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *root])

"""What Git says about a project's folder: repository, branch, commit, and whether it was clean.

Asked of the `git` program. Without a checkout, without a commit or without git there is nothing to say, and nothing is said.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

LIMIT_S = 10
PASSWORD = re.compile(r"(?<=://)[^/@]*@")


def facts(folder: Path) -> dict[str, Any]:
    """`{repository, branch, commit, clean}`, or an empty mapping where there is no checkout.

    `branch` is empty on a detached head. `clean`: nothing below the folder differs from the commit, new files included.
    """
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return {}
    remote = _git(folder, "config", "--get", "remote.origin.url") or _git(folder, "rev-parse", "--show-toplevel") or ""
    changes = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    return {
        "repository": PASSWORD.sub("", remote),
        "branch": _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD") or "",
        "commit": commit,
        "clean": changes == "",
    }


def _git(folder: Path, *words: str) -> str | None:
    """What git prints; None where it fails or is not there."""
    # Hooks set these variables; they would point away from the folder that is asked about.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    }
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

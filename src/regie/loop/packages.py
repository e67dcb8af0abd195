"""Model packages and platform functions in the worker: fetched once, called in an isolated process."""

import json
from pathlib import Path
from typing import Any

from regie.base.errors import RegieError
from regie.loop.work import Work
from regie.runtime import manifest


class CallFailed(RegieError):
    """A platform function broke in its isolated process."""

    code, status, exit_code = "call.failed", 500, 1


def fetch(work: Work, digest: str) -> Path:
    """The folder of a package, unpacked from its blobs."""
    folder = work.scratch / "packages" / digest.removeprefix("sha256:")[:32]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        manifest.unpack(json.loads(work.store.blobs.get(digest)), work.store.blobs.path, folder)
    return folder


def call(work: Work, function: str, payload: dict[str, Any], name: str) -> Any:
    """Call `module:function` with a JSON payload where there is no database. Raises CallFailed with what the process said."""
    workdir = work.scratch / "calls" / name.replace("/", "-")
    workdir.mkdir(parents=True, exist_ok=True)
    task = {"kind": "call", "function": function, "payload": payload, "workdir": str(workdir)}
    found = work.executor.run(task, None, workdir / "log.txt", work.ours)
    if not found.ok:
        raise CallFailed(found.error_text, f"{function} for {name}", "look at the worker's log")
    return found.output

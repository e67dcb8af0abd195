"""Model packages in the worker: fetched once for a job, handed as folders to isolated processes."""

import json
from pathlib import Path

from regie.loop.work import Work
from regie.runtime import manifest


def fetch(work: Work, digest: str) -> Path:
    """The folder of a package, unpacked from its blobs."""
    folder = work.scratch / "packages" / digest.removeprefix("sha256:")[:32]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        manifest.unpack(json.loads(work.store.blobs.get(digest)), work.store.blobs.path, folder)
    return folder

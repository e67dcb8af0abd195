"""The cache: an output under the hash of everything that it depends on.

The key is made of named parts, so that `why` can say which one differed. A hit counts only while every blob of its output is there.
"""

import json
from typing import Any

from sqlalchemy import Connection

from regie.base.blobs import BlobStore
from regie.base.canonical import canonical, digest
from regie.base.errors import NotFound
from regie.pipelines import queries
from regie.pipelines.graph import Node
from regie.pipelines.lock import Lock
from regie.pipelines.reach import CodeParts
from regie.pipelines.tables import cache_entries
from regie.store.change import Change, Store, upsert

Inputs = dict[str, dict[str, Any]]


def parts_of(
    node: Node, code: CodeParts, inputs: Inputs, behind: dict[str, str], lock: str, model: dict[str, Any]
) -> dict[str, str]:
    """The named parts of a key. `inputs`: what each argument holds; `behind`: argument to the digest of the code that made it."""
    parts = {"step": node.step, **{f"code {name}": value for name, value in code.parts.items()}}
    for name, given in inputs.items():
        if given["kind"] == "json":
            parts[f"parameter {name}"] = canonical(given["value"])
            continue
        parts[f"input {name}"] = digest([given["kind"], given["digest"], given.get("name"), given.get("estimator")])
        # An estimator is unpickled with the classes of the code that made it, whose names its bytes hold, but not their content.
        if given["kind"] == "model":
            parts[f"code behind input {name}"] = behind.get(name, "")
    if node.returns != "Table":
        parts["model settings"] = canonical(model)
    return parts | {"lock": lock}


def key_of(parts: dict[str, str]) -> str:
    return digest(parts)


def keep_lock(store: Store, lock: Lock) -> str:
    """Store a lock's parts as a blob; its digest stands in the keys, and `why` reads it."""
    return store.blobs.put(canonical(lock.parts).encode())


def look_up(db: Connection, blobs: BlobStore, workspace: str, key: str) -> dict[str, Any] | None:
    """The entry of a key, if its whole output is still there."""
    found = queries.cached(db, workspace, key)
    return found if found is not None and _is_there(blobs, found["output"]) else None


def keep(tx: Change, workspace: str, key: str, step: str, parts: dict[str, str], output: dict[str, Any], task_id: str) -> None:
    """Remember an output, with the change that notes it; the newest one of a key wins."""
    row = {
        "workspace": workspace, "key": key, "step": step, "parts": canonical(parts), "output": canonical(output), "task_id": task_id,
        "created_wall_ms": tx.wall_ms,
    }  # fmt: skip
    tx.execute(upsert(tx.connection, cache_entries, row, ["workspace", "key"]))


def _is_there(blobs: BlobStore, output: dict[str, Any]) -> bool:
    wanted = [output[name] for name in ("digest", "estimator") if output.get(name)]
    if not all(blobs.has(one) for one in wanted):
        return False
    if output["kind"] != "model":
        return True
    try:
        manifest = json.loads(blobs.get(output["digest"]))
    except (NotFound, ValueError):
        return False
    return all(blobs.has(fact["digest"]) for fact in manifest.values())

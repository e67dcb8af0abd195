"""What the control room knows of the server: `python -m tests.support.openapi` writes `ui/openapi.json` and the types made of it.

Of the API it holds what a page asks: all below `pages`, the session, the stream, and whatever writes but for machines.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from regie.app import wiring
from regie.base.version import VERSION
from ui import build

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "ui/openapi.json"
TYPES = ROOT / "ui/src/api/types.gen.ts"
API = "/api/v1/"
# First words of the paths that pages read.
READ = ("pages", "session", "stream", "tasks")
MACHINES = ("nodes", "blobs", "packages", "collections", "clock", "labels")
SHARED = "#/components/schemas/"


def document() -> str:
    """The OpenAPI document of what the control room asks, as the file has it."""
    app = FastAPI(title="Regie, as its control room asks it", version=VERSION)
    for router in wiring.ROUTERS:
        app.include_router(router)
    whole = app.openapi()
    whole["info"].pop("version")  # a new version of Regie alone changes no type
    paths = {path: kept for path, methods in whole["paths"].items() if (kept := _asked(path, methods))}
    schemas = whole.get("components", {}).get("schemas", {})
    named = _reached(paths, schemas)
    kept = {name: one for name, one in schemas.items() if name in named}
    return json.dumps({**whole, "info": {**whole["info"], "version": "1"}, "paths": paths, "components": {"schemas": kept}},
                      indent=1, sort_keys=True, ensure_ascii=False) + "\n"  # fmt: skip


def _asked(path: str, methods: dict[str, Any]) -> dict[str, Any]:
    if not path.startswith(API):
        return {}
    first = path.removeprefix(API).partition("/")[0]
    if first in READ:
        return methods
    return {} if first in MACHINES else {method: one for method, one in methods.items() if method != "get"}


def _reached(of: Any, schemas: dict[str, Any]) -> set[str]:
    """The schemas that a part of the document names, and those that they name."""
    found: set[str] = set()
    waiting = set(_names(of))
    while waiting:
        found |= waiting
        waiting = {one for name in waiting for one in _names(schemas[name])} - found
    return found


def _names(of: Any) -> Iterator[str]:
    if isinstance(of, dict):
        if isinstance(of.get("$ref"), str):
            yield of["$ref"].removeprefix(SHARED)
        for one in of.values():
            yield from _names(one)
    elif isinstance(of, list):
        for one in of:
            yield from _names(one)


def types(of: Path = DOCUMENT) -> str:
    """The TypeScript that openapi-typescript makes of a document."""
    return tool("openapi-typescript", str(of), "--alphabetize", "--root-types=false").stdout


def tool(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a tool of `ui/node_modules`. Raises CalledProcessError, with what it said on stderr."""
    build.install()
    environ = build.environment()
    command = [*build.words_of("npx", environ), "--no-install", *words]
    done = subprocess.run(
        command, cwd=build.UI, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        done.check_returncode()
    return done


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
    TYPES.write_text(types(), "utf-8")

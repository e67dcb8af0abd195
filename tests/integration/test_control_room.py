"""The control room's build: of its own sources, with its own node, with the types that the server really has."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import openapi
from ui import build

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.environ.get("REGIE_UI") == "0", reason="REGIE_UI=0: there is no control room")


def test_the_control_room_knows_the_api_as_it_is():
    if openapi.DOCUMENT.read_text("utf-8") != openapi.document():
        pytest.fail("ui/openapi.json is not what the server says of itself: make types")


def test_its_types_are_those_of_the_api():
    if openapi.TYPES.read_text("utf-8") != openapi.types():
        pytest.fail("ui/src/api/types.gen.ts is not what ui/openapi.json says: make types")


def test_its_types_hold():
    checked = openapi.tool("tsc", "--noEmit", check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.fixture
def copied(tmp_path):
    """A checkout whose control room is one line, beside the packages that are installed here."""
    build.install()
    ui = tmp_path / "ui"
    (ui / "src").mkdir(parents=True)
    shutil.copy(ROOT / "ui/build.py", ui)
    shutil.copy(ROOT / "ui/package-lock.json", ui)
    (ui / "package.json").write_text(
        json.dumps({"name": "x", "private": True, "type": "module", "scripts": {"build": "vite build"}})
    )
    (ui / "index.html").write_text('<!doctype html><title>x</title><script type="module" src="/src/main.ts"></script>')
    (ui / "src/main.ts").write_text("document.body.append('" + "quiet ".ljust(2000, "x") + "');")
    (ui / "node_modules").symlink_to(build.MODULES)
    (tmp_path / "src/regie").mkdir(parents=True)
    return tmp_path


def built(checkout, **environ):
    """Build it, with nothing on PATH but what a machine without node has."""
    bare = checkout / "bin"
    bare.mkdir(exist_ok=True)
    for name in ("sh", "env"):
        found = shutil.which(name)
        if not (bare / name).exists() and found:
            (bare / name).symlink_to(found)
    return subprocess.run(
        [sys.executable, str(checkout / "ui/build.py")], env={"PATH": str(bare), "HOME": str(checkout), **environ},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def bundle(checkout):
    return {one.name: one for one in (checkout / "src/regie/_ui").rglob("*") if one.is_file()}


def test_it_is_built_without_a_node_on_the_machine_and_again_only_when_its_sources_changed(copied):
    done = built(copied)
    assert (done.returncode, "is built" in done.stdout) == (0, True), done.stderr
    first = bundle(copied)
    (script,) = [name for name in first if name.endswith(".js")]
    assert {"index.html", build.STAMP, f"{script}.gz"} <= set(first)
    was = first["index.html"].stat().st_mtime_ns
    assert (built(copied).stdout, first["index.html"].stat().st_mtime_ns) == ("", was)
    (copied / "ui/src/main.ts").write_text("document.title = 'changed'")
    assert "is built" in built(copied).stdout
    assert script not in bundle(copied)


def test_it_is_left_out_on_request(copied):
    done = built(copied, REGIE_UI="0")
    assert (done.returncode, bundle(copied)) == (0, {})


def test_a_build_that_fails_says_why_and_what_to_do_and_leaves_the_former_one(copied):
    built(copied)
    before = set(bundle(copied))
    (copied / "ui/src/main.ts").write_text("document.title = (")
    done = built(copied)
    assert done.returncode == 1
    assert "main.ts" in done.stderr
    assert str(copied / "ui") in done.stderr
    assert "REGIE_UI=0" in done.stderr
    assert set(bundle(copied)) == before

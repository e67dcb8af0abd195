"""The lock: what is installed, and the code of what is installed to be edited."""

import json
import os
import platform
import subprocess
import venv
from pathlib import Path

import sqlalchemy

import regie
from regie.pipelines.lock import Lock, code_digest, current


def test_two_looks_at_one_environment_agree_and_name_python_and_libraries():
    seen = current()
    assert seen.python.endswith(platform.python_version())
    assert seen.installed["numpy"]
    assert seen.parts["library numpy"] == seen.installed["numpy"]
    assert current().installed == seen.installed


def test_a_version_a_platform_and_an_edited_library_change_the_digest():
    known = Lock("CPython 3.12.1", "linux x86_64", {"a": "1"}, {"/src": "x"})
    others = [
        Lock("CPython 3.12.2", "linux x86_64", {"a": "1"}, {"/src": "x"}),
        Lock("CPython 3.12.1", "darwin arm64", {"a": "1"}, {"/src": "x"}),
        Lock("CPython 3.12.1", "linux x86_64", {"a": "2"}, {"/src": "x"}),
        Lock("CPython 3.12.1", "linux x86_64", {"a": "1", "b": "1"}, {"/src": "x"}),
        Lock("CPython 3.12.1", "linux x86_64", {"a": "1"}, {"/src": "y"}),
    ]
    assert len({known.digest, *(one.digest for one in others)}) == 6


def test_the_code_of_an_editable_install_counts_and_its_caches_do_not(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("A = 1\n")
    before = code_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.py").write_text("")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "b.py").write_text("")
    assert code_digest(tmp_path) == before
    (tmp_path / "pkg" / "a.py").write_text("A = 2\n")
    assert code_digest(tmp_path) != before


PROBE = """
import json, sys
from pathlib import Path
from regie.pipelines.lock import current

def digest():
    return current().digest

site, seen = Path(sys.argv[1]), {"first": digest(), "again": digest()}
for name, path, text in json.loads(sys.argv[2]):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    seen[name] = digest()
print(json.dumps(seen))
"""


def probed(folder, edits):
    """The lock's digest in an environment of its own, at first and after each edit: (name, path, content)."""
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    install(folder, site)
    here = os.pathsep.join(str(Path(module.__file__).parents[1]) for module in (regie, sqlalchemy))
    placed = json.dumps([[name, str(path(folder, site)), text] for name, path, text in edits])
    command = [str(folder / "venv/bin/python"), "-c", PROBE, str(site), placed]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": here}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


RECORDS = {"plain": "plain.pth,,\n", "flat": "__editable___flat_finder.py,,\n", "copied": "copied/a.py,sha256=a,1\n"}


def install(folder, site):
    """What pip writes: one plain and one finder-style editable install, one from a folder, each with code to edit."""
    for name, where in (("plain", "plain/src/plain"), ("flat", "flat/flat"), ("copied", "venv-is-not-this/copied")):
        (folder / where).mkdir(parents=True)
        (folder / where / "__init__.py").write_text("A = 1\n")
        facts = site / f"{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nVersion: of something else\n")
        editable = {"editable": True} if name != "copied" else {}
        (facts / "direct_url.json").write_text(json.dumps({"url": (folder / name).as_uri(), "dir_info": editable}))
        (facts / "RECORD").write_text(RECORDS[name])
    (folder / "flat/src").mkdir()  # sources of C, which Python does not import
    (folder / "flat/src/build.py").write_text("A = 1\n")
    (site / "plain.pth").write_text(f"{folder / 'plain/src'}\n")
    (site / "__editable___flat_finder.py").write_text(f"MAPPING: dict[str, str] = {{'flat': {str(folder / 'flat/flat')!r}}}\n")


EDITS = [
    ("code of a plain editable install", lambda folder, site: folder / "plain/src/plain/__init__.py", "A = 2\n"),
    ("a module more in it", lambda folder, site: folder / "plain/src/plain/deep/new.py", "A = 1\n"),
    ("code of a flat one with a src folder beside it", lambda folder, site: folder / "flat/flat/__init__.py", "A = 2\n"),
    ("a compiled module of it", lambda folder, site: folder / "flat/flat/fast.so", "x"),
    (
        "the same version installed again from a folder",
        lambda folder, site: site / "copied-1.0.dist-info/RECORD",
        "copied/a.py,sha256=b,1\n",
    ),
    ("a library more", lambda folder, site: site / "more-1.0.dist-info/METADATA", "Name: more\nVersion: 1.0\n"),
    ("a folder put on the path", lambda folder, site: site / "other.pth", "../../../../plain\n"),
]


def test_every_way_in_which_installed_code_changes_changes_the_lock(tmp_path):
    found = probed(tmp_path, EDITS)
    assert found.pop("first") == found["again"]
    assert len(set(found.values())) == len(EDITS) + 1


def test_what_an_editable_install_does_not_import_leaves_the_lock_alone(tmp_path):
    found = probed(tmp_path, [
        ("its tests", lambda folder, site: folder / "plain/tests/test_a.py", "A = 2\n"),
        ("its notes", lambda folder, site: folder / "plain/src/plain/notes.txt", "x"),
        ("a build script", lambda folder, site: folder / "flat/src/build.py", "A = 2\n"),
    ])  # fmt: skip
    assert len(set(found.values())) == 1

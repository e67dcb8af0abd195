"""The lock: what is installed, and the code of what is installed to be edited."""

import platform

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

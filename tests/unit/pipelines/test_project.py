"""A project's code as one blob: the same files give the same bytes, and nothing else travels."""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regie.pipelines.project import LIMIT_BYTES, BadProject, files, pack, pack_files, unpack


def project(folder):
    for path, text in {
        "flow.py": "A = 1\n", "regie.yaml": "regie: 1\n", "pkg/__init__.py": "", "pkg/sub.py": "B = 2\n", "data/rows.csv": "1\n",
        ".venv/lib/x.py": "", "env/pyvenv.cfg": "", "env/lib/y.py": "", "pkg/__pycache__/sub.py": "", ".hidden.py": "", "notes.txt": "",
        "pkg/regie.yaml": "",
    }.items():  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_code_and_nothing_else_travels(tmp_path):
    packed = pack(project(tmp_path / "a"))
    unpack(packed, tmp_path / "b")
    found = sorted(path.relative_to(tmp_path / "b").as_posix() for path in (tmp_path / "b").rglob("*") if path.is_file())
    assert found == ["flow.py", "pkg/__init__.py", "pkg/sub.py", "regie.yaml"]
    assert files(packed) == {"flow.py": "A = 1\n", "pkg/__init__.py": "", "pkg/sub.py": "B = 2\n"}


def test_the_same_files_give_the_same_bytes_whenever_and_wherever_they_were_written(tmp_path):
    first = pack(project(tmp_path / "a"))
    other = project(tmp_path / "b")
    os.utime(other / "flow.py", (time.time() - 10_000, time.time() - 10_000))
    (other / "flow.py").chmod(0o700)
    assert pack(other) == first


def test_a_link_out_of_the_project_is_not_followed(tmp_path):
    (tmp_path / "secret.py").write_text("S = 1\n")
    folder = project(tmp_path / "a")
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    (folder / "links").symlink_to(tmp_path)
    assert "link.py" not in files(pack(folder))


def test_a_project_without_code_or_with_too_much_is_refused(tmp_path):
    with pytest.raises(BadProject, match="no Python file"):
        pack(tmp_path)
    (tmp_path / "big.py").write_bytes(b"#" * (LIMIT_BYTES + 1))
    with pytest.raises(BadProject, match=r"the largest file is big\.py"):
        pack(tmp_path)


@pytest.mark.parametrize("path", ["../x.py", "/x.py", "a/../../x.py", "a\\b.py", "C:x.py"])
def test_a_path_that_leads_out_of_the_project_is_refused(tmp_path, path):
    with pytest.raises(BadProject, match="leads out"):
        unpack(pack_files({path: b""}), tmp_path / "t")


def test_what_is_no_zip_is_refused(tmp_path):
    with pytest.raises(BadProject):
        unpack(b"nothing of the kind", tmp_path)


names = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}\.py", fullmatch=True)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(names, st.binary(max_size=200), min_size=1, max_size=6))
def test_packing_depends_on_the_content_alone(contents):
    packed = pack_files(contents)
    assert pack_files(dict(reversed(contents.items()))) == packed
    assert set(files(packed)) == set(contents)

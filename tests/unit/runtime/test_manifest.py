import compileall
import json
import os

import pytest

from regie.base.blobs import BlobStore
from regie.runtime.manifest import BadPackage, digest_of, intact, pack, unpack


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path / "blobs")


def made(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


FILES = {"MLmodel": b"flavors: {}", "data/model.lgb": b"tree", "empty": b""}


def test_a_folder_comes_back_byte_for_byte_and_equal_folders_have_equal_digests(tmp_path, blobs):
    digest = pack(made(tmp_path / "a", FILES), blobs)
    assert digest == pack(made(tmp_path / "b", FILES), blobs)
    assert digest != pack(made(tmp_path / "c", {**FILES, "empty": b"x"}), blobs)
    manifest = json.loads(blobs.get(digest))
    assert digest_of(manifest) == digest
    for name, fetch in (("bytes", blobs.get), ("paths", blobs.path)):
        unpack(manifest, fetch, tmp_path / "out" / name)
        got = {
            p.relative_to(tmp_path / "out" / name).as_posix(): p.read_bytes()
            for p in (tmp_path / "out" / name).rglob("*")
            if p.is_file()
        }
        assert got == FILES


def test_byte_code_that_an_interpreter_left_behind_is_no_part_of_a_package(tmp_path, blobs):
    folder = made(tmp_path / "a", {**FILES, "code/answer.py": b"x = 1"})
    before = pack(folder, blobs)
    compileall.compile_dir(folder, quiet=2)
    assert list(folder.rglob("*.pyc"))
    assert pack(folder, blobs) == before


@pytest.mark.parametrize(
    "path", ["../out", "/etc/passwd", "a/../../b", "", ".", "a//b", "a/./b", "..\\b", "C:/b", "a\0b", "a/", "~/../.."]
)
def test_a_path_that_leads_out_of_the_folder_is_refused_before_anything_is_written(tmp_path, blobs, path):
    digest = blobs.put(b"x")
    with pytest.raises(BadPackage):
        unpack({"good": {"digest": digest, "bytes": 1}, path: {"digest": digest, "bytes": 1}}, blobs.get, tmp_path / "to" / "out")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("content", [b"y", b"", b"xx"])
def test_content_that_is_not_what_was_promised_leaves_nothing_behind(tmp_path, blobs, content):
    digest = blobs.put(b"x")
    with pytest.raises(BadPackage):
        unpack({"a": {"digest": digest, "bytes": 1}}, lambda _: content, tmp_path / "to" / "out")
    assert os.listdir(tmp_path / "to") == []


def test_a_fetch_that_fails_in_the_middle_leaves_nothing_behind_and_can_be_repeated(tmp_path, blobs):
    manifest = json.loads(blobs.get(pack(made(tmp_path / "a", FILES), blobs)))
    asked = []

    def broken(digest):
        asked.append(digest)
        if len(asked) == 2:
            raise ConnectionError("the server went away")
        return blobs.get(digest)

    with pytest.raises(ConnectionError):
        unpack(manifest, broken, tmp_path / "to" / "out")
    assert os.listdir(tmp_path / "to") == []
    unpack(manifest, broken, tmp_path / "to" / "out")
    assert (tmp_path / "to" / "out" / "MLmodel").read_bytes() == FILES["MLmodel"]


def test_a_folder_that_is_there_is_not_fetched_again(tmp_path, blobs):
    manifest = json.loads(blobs.get(pack(made(tmp_path / "a", FILES), blobs)))
    unpack(manifest, blobs.get, tmp_path / "out")
    unpack(manifest, lambda _: pytest.fail("fetched again"), tmp_path / "out")


@pytest.mark.parametrize("fact", [None, {}, {"digest": "sha256:0", "bytes": 1}, {"digest": "sha256:" + "0" * 64, "bytes": "1"}])
def test_a_manifest_that_says_nothing_usable_is_refused(tmp_path, blobs, fact):
    with pytest.raises(BadPackage):
        unpack({"a": fact}, blobs.get, tmp_path / "out")


def test_links_and_empty_folders_are_no_packages(tmp_path, blobs):
    folder = made(tmp_path / "a", FILES)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadPackage, match="link"):
        pack(folder, blobs)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadPackage):
        pack(tmp_path / "nothing", blobs)


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "MLmodel").write_bytes(b"flavors: []"),
    lambda folder: (folder / "empty").unlink(),
    lambda folder: (folder / "more").write_bytes(b""),
    lambda folder: (folder / "empty").rename(folder / "void"),
    lambda folder: ((folder / "empty").unlink(), (folder / "empty").symlink_to("/dev/null")),
    lambda folder: (folder.rename(folder.with_name("kept")), folder.symlink_to(folder.with_name("kept"))),
])  # fmt: skip
def test_a_folder_named_by_a_digest_that_holds_anything_else_is_named(tmp_path, blobs, change):
    digest = pack(made(tmp_path / "a", FILES), blobs)
    folder = tmp_path / digest.replace(":", "-")
    unpack(json.loads(blobs.get(digest)), blobs.get, folder)
    intact(folder)
    change(folder)
    with pytest.raises(BadPackage):
        intact(folder)

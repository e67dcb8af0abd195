"""What blobs promise while others remove them: nothing that was put or kept vanishes, whoever is killed when."""

import multiprocessing
import os
import resource
import signal
import threading

import pytest

from regie.base.blobs import SHARDS, BlobStore
from regie.base.canonical import sha256
from regie.base.clock import wall_ms
from regie.base.errors import BadInput, StorageFull

FOREVER = 1 << 60


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path / "blobs")


def aged(blobs, data=b"old"):
    """A blob that nobody has put or kept for long."""
    digest = blobs.put(data)
    os.utime(blobs.path(digest), (1, 1))
    return digest


def test_only_blobs_that_nobody_put_or_kept_lately_are_removed(blobs):
    old, kept, again = aged(blobs), aged(blobs, b"kept"), aged(blobs, b"again")
    new = blobs.put(b"new")
    assert blobs.keep(kept)
    assert blobs.put_stream([b"ag", b"ain"]) == again
    before_ms = wall_ms() - 60_000
    assert [one for shard in SHARDS for one in blobs.old(shard, before_ms)] == [old]
    # Also where somebody says they were old when he looked.
    assert blobs.remove_unnamed([old, kept, again, new], before_ms) == (1, 3)
    assert [blobs.has(one) for one in (old, kept, again, new)] == [False, True, True, True]
    assert not blobs.keep(old)


def test_the_same_content_is_written_once(blobs):
    first = blobs.put(b"x" * 1000)
    node = blobs.path(first).stat().st_ino
    assert blobs.put(b"x" * 1000) == blobs.put_stream([b"x" * 400, b"x" * 600]) == first
    assert blobs.path(first).stat().st_ino == node
    assert list(blobs.temporary.iterdir()) == []


def test_what_a_power_cut_left_half_is_written_again(blobs):
    writing = blobs.begin()
    writing.write(b"whole")
    digest = writing.done(durable=False)
    writing.drop()
    blobs.sync()
    blobs.path(digest).write_bytes(b"")
    assert blobs.put(b"whole") == digest
    assert blobs.get(digest) == b"whole"


def test_what_is_put_while_another_one_removes_is_there_afterwards(blobs):
    contents = [f"content {number}".encode() for number in range(8)]
    digests = [sha256(one) for one in contents]
    before_ms = wall_ms() - 60_000
    lost: list[str] = []
    stop = threading.Event()

    def remove():
        while not stop.is_set():
            blobs.remove_unnamed(digests, before_ms)

    def put(content, digest):
        for _ in range(150):
            assert blobs.put(content) == digest
            if not blobs.has(digest):
                lost.append(digest)
            # Now it is old, and nobody names it: the next turn finds it there, or gone, or going.
            os.utime(blobs.path(digest), (1, 1))

    remover = threading.Thread(target=remove)
    putters = [threading.Thread(target=put, args=one) for one in zip(contents, digests, strict=True)]
    for one in (remover, *putters):
        one.start()
    for one in putters:
        one.join()
    stop.set()
    remover.join()
    assert lost == []


def _puts(root, pipe):
    store = BlobStore(root)
    number = 0
    while True:
        pipe.send(store.put(f"{os.getpid()} {number}".encode() * 100))
        number += 1


def test_what_was_acknowledged_survives_the_death_of_the_process_and_no_half_file_has_a_name(blobs):
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_puts, args=(blobs.root, theirs), daemon=True)
    process.start()
    seen = [mine.recv() for _ in range(30)]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert all(sha256(blobs.get(digest)) == digest for digest in seen)
    for shard in SHARDS:
        for digest in blobs.old(shard, FOREVER):
            assert sha256(blobs.get(digest)) == digest
    # Nobody holds a lock any more, and what it left is swept.
    blobs.remove_unnamed(seen, 0)
    blobs.remove_broken_off(FOREVER)
    assert list(blobs.temporary.iterdir()) == []


def test_a_stream_with_another_content_than_was_said_leaves_nothing(blobs):
    with pytest.raises(BadInput):
        blobs.put_stream([b"other"], sha256(b"said"))
    assert list(blobs.temporary.iterdir()) == []
    assert [one for shard in SHARDS for one in blobs.old(shard, FOREVER)] == []


def _fills(root, pipe):
    store = BlobStore(root)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        store.put_stream([b"x" * 600] * 3)
        pipe.send("stored")
    except StorageFull as full:
        pipe.send(f"{full.status} {list(store.temporary.iterdir())}")


def test_a_full_disk_is_said_and_leaves_nothing(blobs):
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_fills, args=(blobs.root, theirs), daemon=True)
    process.start()
    assert mine.recv() == "507 []"
    process.join()

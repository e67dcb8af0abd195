"""A home: its clock is chosen once; what it cannot lie on; and a disk that is full."""

import subprocess
import sys

import pytest

from regie.app.home import alone, open_home
from regie.base.blobs import BlobStore
from regie.base.errors import BadInput, Conflict, RegieError
from regie.store.database import DatabaseUnreachable, NetworkFileSystem, refuse_network_file_system


@pytest.fixture
def opened():
    homes = []

    def open_(folder, *args, **more):
        homes.append(open_home(folder, *args, **more))
        return homes[-1]

    yield open_
    for home in homes:
        home.store.database.close()


def test_a_driven_home_stays_driven_from_where_it_began(tmp_path, opened):
    assert (opened(tmp_path, 1000).clock, opened(tmp_path).start_ms) == ("driven", 1000)
    again = opened(tmp_path, 2000)
    assert (again.clock, again.start_ms) == ("driven", 1000)


def test_a_home_on_the_wall_clock_can_never_be_driven(tmp_path, opened):
    opened(tmp_path)
    with pytest.raises(Conflict, match="never changes"):
        opened(tmp_path, 1000)
    assert opened(tmp_path).clock == "wall"


def test_a_database_that_does_not_answer_says_so(tmp_path):
    with pytest.raises(DatabaseUnreachable) as refused:
        open_home(tmp_path, url="postgresql://nobody@127.0.0.1:9/none")
    assert (refused.value.status, refused.value.exit_code) == (503, 6)


def test_a_database_of_another_kind_is_refused(tmp_path):
    with pytest.raises(BadInput, match="mysql"):
        open_home(tmp_path, url="mysql://here/db")


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_sqlite_on_a_network_file_system_is_refused(tmp_path, kind):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\ntmpfs /tmp/elsewhere tmpfs rw 0 0\n")
    with pytest.raises(NetworkFileSystem) as refused:
        refuse_network_file_system(tmp_path / "home" / "regie.db", mounts)
    assert kind in refused.value.what
    assert "PostgreSQL" in refused.value.do


def test_a_local_folder_below_a_network_file_system_is_fine(tmp_path):
    mounts = tmp_path / "mounts"
    local = f"/dev/sdb {tmp_path} ext4 rw 0 0\n"
    with_and_without = []
    for table in (f"server:/ / nfs4 rw 0 0\n{local}", "server:/ / nfs4 rw 0 0\n"):
        mounts.write_text(table)
        with_and_without.append(refused(tmp_path / "regie.db", mounts))
    assert with_and_without == [False, True]


def test_without_a_mount_table_nothing_is_refused(tmp_path):
    (tmp_path / "some").write_text("server:/ / nfs4 rw 0 0\n")
    assert [refused(tmp_path / "regie.db", tmp_path / mounts) for mounts in ("none", "some")] == [False, True]


def refused(file, mounts):
    try:
        refuse_network_file_system(file, mounts)
    except NetworkFileSystem:
        return True
    return False


FULL = """
import resource, signal, sys
from pathlib import Path
from regie.base.blobs import BlobStore
from regie.base.errors import StorageFull
store = BlobStore(Path(sys.argv[1]))
kept = store.put(b"before")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    store.put(b"x" * 1_000_000)
except StorageFull as full:
    print(full.code, full.status)
    assert store.get(kept) == b"before"
    print(store.put(b"small again"))
"""


def test_a_disk_that_fills_up_while_a_blob_is_written_is_said_and_loses_nothing(tmp_path):
    """The limit of a file's size stands for the disk's end: the write fails in the middle."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[:1] == ["storage.full 507"], done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert len(files) == 2
    assert sorted(BlobStore(tmp_path).put_file(one) for one in files) == sorted(
        f"sha256:{one.parent.name}{one.name}" for one in files
    )


def test_every_error_of_a_home_says_what_to_do(tmp_path):
    (tmp_path / "mounts").write_text(f"s:/ {tmp_path} nfs rw 0 0\n")
    for wrong in (
        lambda: refuse_network_file_system(tmp_path / "x", tmp_path / "mounts"),
        lambda: open_home(tmp_path / "a", url="oracle://x"),
    ):
        with pytest.raises(RegieError) as refused:
            wrong()
        assert refused.value.do


def test_nothing_is_removed_from_a_home_whose_blobs_another_database_names_too(tmp_path):
    """Somebody forgets REGIE_DATABASE once: the empty database names none of the blobs."""
    for _ in range(2):
        first = open_home(tmp_path)
        alone(first.store)
        first.store.database.close()
    other = open_home(tmp_path, url=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(Conflict, match="another database names blobs"):
        alone(other.store)
    other.store.database.close()
    again = open_home(tmp_path)
    with pytest.raises(Conflict):
        alone(again.store)
    file = tmp_path / "blobs" / "databases"
    file.write_text(file.read_text().split()[0] + "\n")
    alone(again.store)
    again.store.database.close()

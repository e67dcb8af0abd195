"""What a task prints can be followed while it runs, by offsets that stay true when its whole log is kept."""

from pathlib import Path

import pytest

from regie.base.ids import new_id
from regie.pipelines import logs
from regie.pipelines.logs import PIECE_BYTES, Printing, piece
from regie.store.change import Store
from regie.store.types import system
from regie.tracking import artifacts
from tests.unit.pipelines.test_cached import Place


class Talking:
    """A task that runs, and the file that it prints to."""

    def __init__(self, store: Store, folder: Path) -> None:
        place = Place(store)
        self.store, self.log = store, folder / "log.txt"
        self.task = {
            "id": new_id(),
            "workspace": "w",
            "name": "fit",
            "attempt": 1,
            "mlflow_run_id": place.run().run_id,
            "state": "running",
        }
        self.printing = Printing(store, self.task["id"], self.log)

    def say(self, content: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(content)
        self.printing._looked -= logs.EVERY_S
        assert self.printing.look()

    def end(self) -> None:
        """As the worker ends it: the log is kept, the pieces go, in one change."""
        self.task["state"] = "finished"
        digest = self.store.blobs.put(self.log.read_bytes())
        run = self.task["mlflow_run_id"]
        with self.store.measure() as batch:
            artifacts.name(batch, "w", f"runs/{run}", "logs/fit-1.txt", digest, self.log.stat().st_size)
        with self.store.change(system("train"), "task.record", "x", workspace="w") as tx:
            logs.forget(tx, self.task["id"])

    def read(self, at: int | None = None) -> logs.Piece:
        with self.store.read() as db:
            return piece(db, self.store.blobs, self.task, at)


@pytest.fixture
def talking(store: Store, tmp_path: Path) -> Talking:
    return Talking(store, tmp_path)


@pytest.fixture
def quick(sqlite_store: Store, tmp_path: Path) -> Talking:
    return Talking(sqlite_store, tmp_path)


def test_a_log_is_followed_by_its_offsets_and_goes_on_where_the_whole_one_is_kept(talking):
    talking.say(b"one\n")
    first = talking.read()
    assert (first.text, first.at_bytes, first.end_bytes, first.live) == ("one\n", 0, 4, True)
    assert talking.read(first.end_bytes).text == ""
    talking.say(b"two\n")
    assert talking.read(first.end_bytes).text == "two\n"
    talking.say(b"three\n")
    talking.end()
    rest = talking.read(8)
    assert (rest.text, rest.end_bytes, rest.size_bytes, rest.live) == ("three\n", 14, 14, False)
    with talking.store.read() as db:
        assert logs._printed(db, talking.task["id"]) == 0  # the pieces are gone


def test_of_much_that_is_printed_at_once_the_newest_is_seen_and_the_gap_is_known(quick):
    quick.say(b"begin\n")
    quick.say(b"x" * (3 * PIECE_BYTES) + b"\nend\n")
    after = quick.read(6)
    assert after.at_bytes > 6
    assert after.end_bytes == quick.log.stat().st_size == after.size_bytes
    assert after.text.endswith("\nend\n")
    quick.end()
    assert quick.read(6).at_bytes == 6  # nothing is missing of what is kept


def test_what_a_living_task_holds_in_the_database_is_bounded(quick):
    for _ in range(logs.LIVE_BYTES // PIECE_BYTES + 4):
        quick.say(b"y" * PIECE_BYTES)
    with quick.store.read() as db:
        start, content = logs._sent(db, quick.task["id"], 0, 1 << 30)
    assert start > 0
    assert len(content) <= logs.LIVE_BYTES + PIECE_BYTES


def test_the_end_of_a_long_log_begins_with_a_line_and_a_huge_line_is_shown_all_the_same(quick):
    quick.say(b"0123456789\n" * 20_000)
    quick.end()
    assert quick.read().text.startswith("0123456789\n")
    assert len(quick.read().text) <= PIECE_BYTES


def test_one_huge_line_is_not_left_out(quick):
    quick.say(b"z" * (2 * PIECE_BYTES) + b"\n")
    quick.end()
    assert quick.read().text == "z" * (PIECE_BYTES - 1) + "\n"


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("ü".encode()[:1], ""),
        (b"a" + "€".encode()[:2], "a"),
        (b"plain \x1b[31", "plain "),
        (b"bytes \xff\xfe that are no text", "bytes \ufffd\ufffd that are no text"),
    ],
)
def test_a_piece_is_cut_neither_in_a_character_nor_in_an_escape_sequence(quick, printed, seen):
    quick.say(printed)
    shown = quick.read()
    assert shown.text == seen
    quick.say("ü".encode()[1:] if printed == "ü".encode()[:1] else b"m\n")
    assert quick.read(shown.end_bytes).at_bytes == shown.end_bytes


def test_an_offset_beyond_the_end_and_a_log_that_is_gone_answer_nothing(quick):
    quick.say(b"one\n")
    assert quick.read(10**9).text == ""
    quick.end()
    quick.store.blobs.path(quick.store.blobs.put(b"one\n")).unlink()
    gone = quick.read()
    assert (gone.text, gone.end_bytes >= gone.size_bytes) == ("", True)


def test_a_database_that_is_away_ends_no_task(quick):
    with quick.store.database.engine.begin() as db:
        db.exec_driver_sql("DROP TABLE task_logs")
    quick.say(b"one\n")  # `say` expects that the look says: go on

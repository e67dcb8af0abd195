"""Copies of the database, altered as somebody with access to the disk could alter them. The original is only read."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

WINDOW = 48


def copy(database: Path, to: Path) -> Path:
    """A consistent copy of a live database, in one file."""
    with (
        closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    return to


def change_one_byte(database: Path) -> int:
    """Change one byte of the file, inside the text of an audit record; returns the record's number."""
    with _opened(database) as db:
        records = db.execute("SELECT seq, record FROM audit_records ORDER BY seq").fetchall()
    data = bytearray(database.read_bytes())
    for seq, record in records[len(records) // 2 :]:
        place = _only_place(data, record.encode())
        if place is not None:
            data[place] ^= 0x01  # a letter becomes its neighbour
            database.write_bytes(data)
            return int(seq)
    raise ValueError("no audit record lies in one piece")


def cut_tail(database: Path, records: int) -> None:
    """Remove the last records, their events, and every trace in the head: the rest is a chain that looks whole."""
    with _opened(database) as db:
        last = db.execute("SELECT max(seq) FROM audit_records").fetchone()[0] - records
        gone = db.execute("SELECT record FROM audit_records WHERE seq > ?", (last,)).fetchall()
        events = [event["seq"] for (record,) in gone for event in json.loads(record)["events"]]
        db.execute("DELETE FROM audit_records WHERE seq > ?", (last,))
        if events:
            db.execute("DELETE FROM events WHERE seq >= ?", (min(events),))
        newest = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        kept = db.execute("SELECT hash FROM audit_records WHERE seq = ?", (last,)).fetchone()[0]
        db.execute("UPDATE head SET audit_seq = ?, event_seq = ?, hash = ?", (last, newest, kept))


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database)) as db, db:
        yield db


def _only_place(data: bytearray, record: bytes) -> int | None:
    """Where a letter of the record stands, in a stretch of it that occurs once in the file."""
    start = len(record) // 2
    piece = record[start : start + WINDOW]
    at = data.find(piece)
    if len(piece) < WINDOW or at < 0 or data.find(piece, at + 1) >= 0:
        return None
    letters = [at + offset for offset, byte in enumerate(piece) if chr(byte).isalpha() and chr(byte) not in "az"]
    return letters[0] if letters else None

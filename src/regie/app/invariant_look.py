"""One consistent look at a home, for its invariants (`app/invariants.py`): rows, events, and the folder where that is at hand.

A row and its event are written in one transaction, so what one says the other must say too. A home's tables fit into memory, but for
audit records and labels, which are read in pieces.
"""

import json
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from regie.store import tables as store

LIVE = ("queued", "running")
PIECE = 10_000


@dataclass(frozen=True)
class Told:
    """What an event says."""

    seq: int
    id: str
    type: str
    workspace: str
    subject: str
    causationid: str
    wall_ms: int
    data: dict[str, Any]


@dataclass
class Look:
    """One consistent look at a database, and the folder of its home where that is at hand."""

    db: Connection
    folder: Path | None = None
    read: dict[str, list[Any]] = field(default_factory=dict)

    def rows(self, table: Table) -> list[Any]:
        """All rows of a table in the order of its key, read once."""
        if table.name not in self.read:
            self.read[table.name] = list(self.db.execute(select(table).order_by(*table.primary_key.columns)))
        return self.read[table.name]

    @cached_property
    def events(self) -> list[Told]:
        """Every event in order."""
        found = self.db.execute(select(store.events).order_by(store.events.c.seq).execution_options(yield_per=PIECE))
        return [
            Told(row.seq, row.id, row.type, row.workspace, row.subject, row.causationid, row.wall_ms, json.loads(row.data))
            for row in found
        ]

    def told(self, *types: str) -> list[Told]:
        """The events of some types, in order."""
        return [one for one in self.events if one.type in types]


def repeated(values: Iterable[Hashable]) -> list[Any]:
    """What is there more than once."""
    return [value for value, count in Counter(values).items() if count > 1]

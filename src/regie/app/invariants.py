"""What holds of every home at every moment, at rest or at work: one list, checked by one function (docs/reference/invariants.md).

Read-only, on one consistent look at the database. Blobs are written before the rows that name them, and predictions before their
offset, so the files, which are looked at after the database, may hold more than it knows and never less.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from regie.app import invariant_files as files
from regie.app import invariant_rows as rows
from regie.app.invariant_rows import Look
from regie.base.errors import RegieError
from regie.store.database import Database

MOST = 20  # of one invariant: who has more to mend than that reads the first ones

INVARIANTS: tuple[tuple[str, Callable[[Look], Iterator[str]]], ...] = (
    ("schema.head",            rows.schema),
    ("audit.whole",            rows.audit_chain),
    ("events.gapless",         rows.events_gapless),
    ("events.caused",          rows.events_caused),
    ("offsets.behind",         rows.offsets),
    ("clock.forward",          rows.clock),
    ("jobs.one",               rows.jobs_one),
    ("jobs.state",             rows.jobs_state),
    ("runs.ended_once",        rows.runs_ended),
    ("runs.shown",             rows.runs_shown),
    ("tasks.ended_once",       rows.tasks_ended),
    ("tasks.of_live_runs",     rows.tasks_live),
    ("tokens.hashed",          rows.tokens_hashed),
    ("tokens.ended",           rows.tokens_ended),
    ("versions.registered",    rows.versions),
    ("gates.evidence",         rows.gates_evidence),
    ("champions.qualified",    rows.champions_qualified),
    ("champions.released",     rows.champions_released),
    ("champions.told",         rows.champions_told),
    ("rollouts.one",           rows.rollouts_one),
    ("rollouts.told",          rows.rollouts_told),
    ("routes.allowed",         rows.routes_allowed),
    ("routes.told",            rows.routes_told),
    ("nodes.behind",           rows.nodes_behind),
    ("reactions.once",         rows.reactions_once),
    ("breaches.one",           rows.breaches_one),
    ("labels.whole",           rows.labels_whole),
    ("blobs.true",             files.blobs_true),
    ("blobs.there",            files.blobs_there),
    ("predictions.once",       files.predictions_once),
    ("predictions.contiguous", files.predictions_contiguous),
    ("predictions.delivered",  files.predictions_delivered),
)  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """One invariant that does not hold, and of what."""

    invariant: str
    what: str


def broken(database: Database, folder: Path | None = None) -> list[Broken]:
    """Check every invariant of a home; empty where all hold. Without its folder, those of files are not checked."""
    found: list[Broken] = []
    with database.read() as db:
        look = Look(db, folder)
        for name, check in INVARIANTS:
            try:
                found += [Broken(name, what) for what in islice(check(look), MOST)]
            except (RegieError, LookupError, ValueError, TypeError) as wrong:  # what is damaged may not even be readable
                found.append(Broken(name, f"{type(wrong).__name__}: {wrong}"))
    return found

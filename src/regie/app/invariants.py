"""What holds of every home at every moment, at rest or at work: one list, checked by one function (docs/reference/invariants.md).

Read-only, on one consistent look at the database. Blobs are written before the rows that name them, and predictions before their
offset, so the files, which are looked at after the database, may hold more than it knows and never less. The checks stand by domain in
`invariant_store`, `_runs`, `_people`, `_release`, `_production` and `_files`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from regie.app import invariant_files as files
from regie.app import invariant_people as people
from regie.app import invariant_production as production
from regie.app import invariant_release as release
from regie.app import invariant_runs as runs
from regie.app import invariant_store as store
from regie.app.invariant_look import Look
from regie.base.errors import RegieError
from regie.store.database import Database

MOST = 20  # of one invariant: who has more to mend than that reads the first ones

INVARIANTS: tuple[tuple[str, Callable[[Look], Iterator[str]]], ...] = (
    ("schema.head",            store.schema),
    ("audit.whole",            store.audit_chain),
    ("events.gapless",         store.events_gapless),
    ("events.caused",          store.events_caused),
    ("offsets.behind",         store.offsets),
    ("clock.forward",          store.clock),
    ("jobs.one",               store.jobs_one),
    ("jobs.state",             store.jobs_state),
    ("runs.ended_once",        runs.runs_ended),
    ("runs.shown",             runs.runs_shown),
    ("tasks.ended_once",       runs.tasks_ended),
    ("tasks.of_live_runs",     runs.tasks_live),
    ("tokens.hashed",          people.tokens_hashed),
    ("tokens.ended",           people.tokens_ended),
    ("tokens.people",          people.tokens_people),
    ("sessions.people",        people.sessions_people),
    ("grants.people",          people.grants_people),
    ("versions.registered",    runs.versions),
    ("gates.evidence",         release.gates_evidence),
    ("approvals.one",          people.approvals_one),
    ("approvals.before",       people.approvals_before),
    ("approvals.people",       people.approvals_people),
    ("champions.qualified",    release.champions_qualified),
    ("champions.released",     release.champions_released),
    ("champions.told",         release.champions_told),
    ("rollouts.one",           release.rollouts_one),
    ("rollouts.told",          release.rollouts_told),
    ("routes.allowed",         release.routes_allowed),
    ("routes.told",            release.routes_told),
    ("nodes.behind",           release.nodes_behind),
    ("reactions.once",         production.reactions_once),
    ("breaches.one",           production.breaches_one),
    ("labels.whole",           production.labels_whole),
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

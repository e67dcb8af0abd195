"""The invariants of what production says and leads to: breaches, reactions, labels. Each check yields in words what breaks it."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import select

from regie.app.invariant_look import PIECE, Look, repeated
from regie.base.errors import NotFound
from regie.data.tables import labels
from regie.loop.tables import reactions
from regie.monitoring.tables import breaches
from regie.pipelines.tables import pipeline_runs
from regie.predictions import ids
from regie.store import tables as store


def reactions_once(look: Look) -> Iterator[str]:
    """A reaction fired once for an event, and each firing started one run."""
    happened = {one.id for one in look.events}
    fired = look.rows(reactions)
    keys = ((row.workspace, row.reaction, row.pipeline, row.breach) for row in fired if row.breach in happened)
    for key in repeated(keys):
        yield f"reaction {key[1]} fired several times for event {key[3]}"
    for run_id in repeated(row.run_id for row in fired):
        yield f"several firings started run {run_id}"
    there = {row.run_id for row in look.rows(pipeline_runs)}
    for row in fired:
        if row.run_id not in there:
            yield f"reaction {row.reaction} fired, and its run {row.run_id} is not there"
    told = Counter((one.workspace, one.subject) for one in look.told("reaction.fired"))
    for place, count in Counter((row.workspace, row.reaction) for row in fired).items():
        if told[place] != count:
            yield f"reaction {place[1]} fired {count} times, its events tell {told[place]}"


def breaches_one(look: Look) -> Iterator[str]:
    """One breach of a monitor is open."""
    for key in repeated((row.workspace, row.monitor) for row in look.rows(breaches) if row.state == "open"):
        yield f"several breaches of {key[1]} are open"


def labels_whole(look: Look) -> Iterator[str]:
    """A label names a prediction that its workspace gave out, or a key and a time; its numbers grow, in SQLite without a gap."""
    secret = {row.name: bytes.fromhex(row.secret) for row in look.rows(store.workspaces)}
    last, count = 0, 0
    for row in look.db.execute(select(labels).order_by(labels.c.seq).execution_options(yield_per=PIECE)):
        last, count = row.seq, count + 1
        if row.prediction_id is None:
            if row.key is None or row.target_ms is None:
                yield f"label {row.seq} names no prediction"
            continue
        try:
            ids.check(secret[row.workspace], row.prediction_id)
        except (NotFound, KeyError):
            yield f"label {row.seq} names a prediction that {row.workspace} never gave out"
    if look.db.dialect.name == "sqlite" and last != count:
        yield f"there are {count} labels, the last one has number {last}"

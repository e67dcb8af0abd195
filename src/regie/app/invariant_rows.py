"""The invariants of the database: each check yields in words what breaks it.

A row and its event are written in one transaction, so what one says the other must say too. A home's tables fit into memory, but for
audit records, which are read in pieces.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, select

from regie.app import migrate
from regie.base.errors import NotFound
from regie.data.tables import labels
from regie.gates.tables import evidence, qualifications
from regie.loop.tables import reactions
from regie.monitoring.tables import breaches
from regie.pipelines.tables import pipeline_runs, tasks
from regie.predictions import ids
from regie.registry.tables import champions, model_versions, registered_models
from regie.rollout.tables import rollouts, routes
from regie.store import audit
from regie.store import tables as store
from regie.tracking.tables import runs

LIVE = ("queued", "running")
SHOWN = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
HEX = re.compile(r"[0-9a-f]{64}")
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
            Told(row.seq, row.id, row.type, row.workspace, row.subject, row.causationid, json.loads(row.data)) for row in found
        ]

    def told(self, *types: str) -> list[Told]:
        """The events of some types, in order."""
        return [one for one in self.events if one.type in types]


def schema(look: Look) -> Iterator[str]:
    """The database has this program's schema."""
    current = MigrationContext.configure(look.db).get_current_revision()
    if current != migrate.newest():
        yield f"the database has schema {current}, this program's is {migrate.newest()}"


def audit_chain(look: Look) -> Iterator[str]:
    """The audit chain is whole and gapless up to its head, and holds each event's digest."""
    try:
        audit.verify(look.db)
    except audit.ChainBroken as broken:
        yield broken.what


def events_gapless(look: Look) -> Iterator[str]:
    """Events are numbered from 1 without a gap, up to the head."""
    numbers = [one.seq for one in look.events]
    wanted = look.db.execute(select(store.head.c.event_seq)).scalar()
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) != wanted:
        gap = next((at for at, number in enumerate(numbers, 1) if at != number), len(numbers) + 1)
        yield f"event {gap} is missing; the head says {wanted}"


def events_caused(look: Look) -> Iterator[str]:
    """What led to an event came before it."""
    seen: set[str] = set()
    for one in look.events:
        if one.causationid and one.causationid not in seen:
            yield f"event {one.seq} ({one.type}) was caused by {one.causationid}, which did not happen before it"
        seen.add(one.id)


def offsets(look: Look) -> Iterator[str]:
    """No consumer has read further than what happened."""
    last = len(look.events)
    for row in look.rows(store.offsets):
        if row.seq > last:
            yield f"consumer {row.consumer} has read up to event {row.seq}, the last one is {last}"


def clock(look: Look) -> Iterator[str]:
    """A business clock only goes forward, is driven only in a home made for it, and nothing is settled ahead of it."""
    clocks = [row.clock for row in look.rows(store.home)]
    if len(clocks) != 1:
        yield f"the home has {len(clocks)} clocks"
    last: dict[str, int] = {}
    for one in look.told("clock.advanced"):
        now = int(one.data["now_ms"])
        if now <= last.get(one.workspace, -1):
            yield f"the clock of {one.workspace} went from {last[one.workspace]} to {now}"
        last[one.workspace] = now
    now_of = {row.name: row.now_ms for row in look.rows(store.workspaces)}
    for row in look.rows(store.workspaces):
        if row.clock == "driven" and ("driven" not in clocks or row.now_ms < last.get(row.name, 0)):
            yield f"the clock of {row.name} shows {row.now_ms}, it was advanced to {last.get(row.name)}"
    for row in look.rows(store.settling):
        if row.settled_ms > now_of.get(row.workspace, -1):
            yield f"{row.workspace} is settled up to {row.settled_ms}, ahead of its clock"


def jobs_one(look: Look) -> Iterator[str]:
    """One live job a dedup key, one running job a concurrency key."""
    found = look.rows(store.jobs)
    for key in _repeated(row.dedup_key for row in found if row.dedup_key and row.state in LIVE):
        yield f"several live jobs have the dedup key {key}"
    for key in _repeated(row.concurrency_key for row in found if row.concurrency_key and row.state == "running"):
        yield f"several running jobs have the concurrency key {key}"


def jobs_state(look: Look) -> Iterator[str]:
    """A running job is leased, an ended one says when; none was tried more often than it may be, or without a fence."""
    for row in look.rows(store.jobs):
        if row.state == "running" and not (row.lease_owner and row.lease_until_ms):
            yield f"job {row.id} runs without a lease"
        if (row.state in LIVE) != (row.ended_ms is None):
            yield f"job {row.id} is {row.state}, ended {row.ended_ms}"
        if row.attempts > min(row.max_attempts, row.fence):
            yield f"job {row.id} was tried {row.attempts} times with fence {row.fence}, at most {row.max_attempts} times"


def runs_ended(look: Look) -> Iterator[str]:
    """A run ended once, as its event says; one that lives has not ended."""
    ends: dict[str, list[str]] = defaultdict(list)
    for one in look.told("run.finished", "run.failed"):
        ends[one.subject].append(str(one.data.get("state")))
    started = Counter(one.subject for one in look.told("run.started"))
    for row in look.rows(pipeline_runs):
        wanted = [] if row.state in LIVE else [row.state]
        if ends[row.run_id] != wanted:
            yield f"run {row.run_id} is {row.state}; its events say it ended as {ends[row.run_id]}"
        if started[row.run_id] > 1:
            yield f"run {row.run_id} was started {started[row.run_id]} times"


def runs_shown(look: Look) -> Iterator[str]:
    """The MLflow run of a pipeline's run, and of each task, has its status."""
    status = {row.id: row.status for row in look.rows(runs)}
    for row in look.rows(pipeline_runs):
        shown = status.get(row.run_id)
        if shown != SHOWN[row.state] if row.state in SHOWN else shown not in ("RUNNING", "SCHEDULED"):
            yield f"run {row.run_id} is {row.state}, its MLflow run is {shown}"
    for row in look.rows(tasks):
        if (row.state == "running") != (status.get(row.mlflow_run_id) in ("RUNNING", "SCHEDULED")):
            yield f"task {row.id} is {row.state}, its MLflow run is {status.get(row.mlflow_run_id)}"


def tasks_ended(look: Look) -> Iterator[str]:
    """An attempt's result was accepted once, as its event says; attempts at a task are numbered without a gap."""
    ends: dict[str, list[str]] = defaultdict(list)
    for one in look.told("task.finished", "task.failed"):
        ends[str(one.data["task"])].append(str(one.data["state"]))
    attempts: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in look.rows(tasks):
        wanted = [] if row.state == "running" else [row.state]
        if ends[row.id] != wanted:
            yield f"task {row.id} is {row.state}; its events say it ended as {ends[row.id]}"
        attempts[row.run_id, row.name, row.window].append(row.attempt)
    for (run_id, name, _), numbers in attempts.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"the attempts at task {run_id}/{name} are {sorted(numbers)}"


def tasks_live(look: Look) -> Iterator[str]:
    """A task that runs belongs to a run that has not ended."""
    state = {row.run_id: row.state for row in look.rows(pipeline_runs)}
    for row in look.rows(tasks):
        if row.state == "running" and state.get(row.run_id) not in LIVE:
            yield f"task {row.id} runs, its run {row.run_id} is {state.get(row.run_id)}"


def tokens_hashed(look: Look) -> Iterator[str]:
    """A token is kept as a hash only."""
    for row in look.rows(store.tokens):
        if not HEX.fullmatch(row.hash):
            yield f"a token of {row.actor} is kept as it is"


def tokens_ended(look: Look) -> Iterator[str]:
    """A task's token is worth nothing once its attempt has ended."""
    state = {f"task:{row.id}": row.state for row in look.rows(tasks)}
    for row in look.rows(store.tokens):
        if row.kind == "task" and row.revoked_wall_ms is None and state.get(row.actor) != "running":
            yield f"the token of {row.actor} is valid, the task is {state.get(row.actor)}"


def versions(look: Look) -> Iterator[str]:
    """A version was registered once, under a number that its model gave out; a run registered a window's model once."""
    last = {(row.workspace, row.name): row.last_version for row in look.rows(registered_models)}
    told = Counter((one.workspace, one.subject) for one in look.told("model.registered"))
    for row in look.rows(model_versions):
        if not 0 < row.version <= last.get((row.workspace, row.name), 0):
            yield f"{row.name}@{row.version} of {row.workspace} has a number that its model never gave out"
        if told[row.workspace, f"{row.name}@{row.version}"] > 1:
            yield f"{row.name}@{row.version} of {row.workspace} was registered more than once"
    made = ((row.workspace, row.name, row.run_id, row.window) for row in look.rows(model_versions) if row.run_id and row.window)
    for key in _repeated(made):
        yield f"run {key[2]} registered several versions of {key[1]} for the window {key[3]}"


def gates_evidence(look: Look) -> Iterator[str]:
    """A version that passed the gates has the evidence of its last attempt, in which no gate failed."""
    found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in look.rows(evidence):
        found[row.workspace, row.model, row.version, row.attempt].append(row.verdict)
    for row in look.rows(qualifications):
        verdicts = found[row.workspace, row.model, row.version, row.attempts]
        if row.state == "passed" and set(verdicts) - {"passed", "not_applicable"}:
            yield f"{row.model}@{row.version} passed the gates with {', '.join(verdicts)}"


def champions_qualified(look: Look) -> Iterator[str]:
    """A champion is a version that is there, with a package, and passed the gates."""
    there = {(row.workspace, row.name, row.version): row.package for row in look.rows(model_versions)}
    state = {(row.workspace, row.model, row.version): row.state for row in look.rows(qualifications)}
    for row in look.rows(champions):
        version = (row.workspace, row.model, row.version)
        if not there.get(version) or state.get(version) != "passed":
            yield f"{row.model}@{row.version} is champion of {row.endpoint}: qualification {state.get(version)}"


def champions_released(look: Look) -> Iterator[str]:
    """A champion came by a rollout of its own that entered `full` at its endpoint."""
    entered = {one.subject for one in look.told("rollout.stage_entered") if one.data["stage"] == "full"}
    entered |= {row.id for row in look.rows(rollouts) if row.started_ms and json.loads(row.spec)["stages"][0]["kind"] == "full"}
    crowned = {
        (row.workspace, row.endpoint, row.environment, row.model, row.version) for row in look.rows(rollouts) if row.id in entered
    }
    for row in look.rows(champions):
        if (row.workspace, row.endpoint, row.environment, row.model, row.version) not in crowned:
            yield f"{row.model}@{row.version} is champion of {row.endpoint} without a rollout that entered full"


def champions_told(look: Look) -> Iterator[str]:
    """The champion is whom the last event of its endpoint crowned."""
    last: dict[tuple[str, Any, Any], str | None] = {}
    for one in look.told("champion.crowned", "champion.vacated"):
        place = (one.workspace, one.data["endpoint"], one.data["environment"])
        last[place] = one.subject if one.type == "champion.crowned" else None
    now = {(row.workspace, row.endpoint, row.environment): f"{row.model}@{row.version}" for row in look.rows(champions)}
    for place in now.keys() | last.keys():
        if now.get(place) != last.get(place):
            yield f"{now.get(place)} is champion of {place[1]}, the last event says {last.get(place)}"


def rollouts_one(look: Look) -> Iterator[str]:
    """One rollout runs at an endpoint, and one waits."""
    for state in ("running", "waiting"):
        found = ((row.workspace, row.endpoint, row.environment) for row in look.rows(rollouts) if row.state == state)
        for key in _repeated(found):
            yield f"several rollouts of {key[1]} are {state}"


def rollouts_told(look: Look) -> Iterator[str]:
    """A rollout waited, started, entered each stage and ended once, as its events say; a version is not released twice at once."""
    told: dict[str, list[str]] = defaultdict(list)
    for one in look.events:
        if one.type.startswith("rollout."):
            told[one.subject].append(str(one.data["stage"]) if one.type == "rollout.stage_entered" else one.type[8:])
    for row in look.rows(rollouts):
        said = [one for one in told[row.id] if one not in ("paused", "resumed")]
        ended = [one for one in said if one in ("finished", "aborted", "superseded")]
        if _repeated(said) or said[:1] != ["waiting"] or ended != ([] if row.state in ("waiting", "running") else [row.state]):
            yield f"rollout {row.id} is {row.state}; its events are {', '.join(said)}"
        if ended and said[-1] != row.state:
            yield f"rollout {row.id} ended as {row.state} and went on: {', '.join(said)}"


def routes_allowed(look: Look) -> Iterator[str]:
    """A wanted route leads to the champion, the former one, or the version and the incumbent of the running rollout."""
    allowed: dict[tuple[str, str, str], set[int | None]] = defaultdict(set)
    for row in look.rows(champions):
        allowed[row.workspace, row.endpoint, row.model] |= {row.version, row.former_version}
    live: dict[tuple[str, str, str], set[int | None]] = defaultdict(set)
    for row in look.rows(champions):
        live[row.workspace, row.endpoint, row.model].add(row.version)
    for row in look.rows(rollouts):
        if row.state == "running":
            allowed[row.workspace, row.endpoint, row.model] |= {row.version, row.incumbent}
            live[row.workspace, row.endpoint, row.model].add(row.version)
    there = {(row.workspace, row.name, row.version) for row in look.rows(model_versions)}
    for row in look.rows(routes):
        place = (row.workspace, row.endpoint, row.model)
        for variant in json.loads(row.variants):
            version, answers = variant["version"], variant["mode"] == "live"
            if version not in (live if answers else allowed)[place] or (row.workspace, row.model, version) not in there:
                yield f"the route of {row.endpoint} leads to version {version} ({variant['role']}, {variant['mode']})"


def routes_told(look: Look) -> Iterator[str]:
    """The generations of a route are numbered without a gap, and the wanted one is what the last event says."""
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in look.told("route.changed"):
        told[one.workspace, one.subject].append(one)
    for row in look.rows(routes):
        said = told[row.workspace, row.endpoint]
        if [one.data["generation"] for one in said] != list(range(1, row.generation + 1)):
            yield f"the route of {row.endpoint} has generation {row.generation}, its events tell {len(said)}"
        elif said and said[-1].data["variants"] != json.loads(row.variants):
            yield f"the route of {row.endpoint} is not what its last event says"


def nodes_behind(look: Look) -> Iterator[str]:
    """No node has acknowledged a generation that was never wanted."""
    wanted = {row.endpoint: 0 for row in look.rows(routes)}
    for row in look.rows(routes):
        wanted[row.endpoint] = max(wanted[row.endpoint], row.generation)
    for row in look.rows(store.nodes):
        for endpoint, generation in json.loads(row.generations).items():
            if generation > wanted.get(endpoint, 0):
                yield f"node {row.id} has taken up generation {generation} of {endpoint}, wanted is {wanted.get(endpoint)}"


def reactions_once(look: Look) -> Iterator[str]:
    """A reaction fired once for an event, and each firing started one run."""
    happened = {one.id for one in look.events}
    fired = look.rows(reactions)
    keys = ((row.workspace, row.reaction, row.pipeline, row.breach) for row in fired if row.breach in happened)
    for key in _repeated(keys):
        yield f"reaction {key[1]} fired several times for event {key[3]}"
    for run_id in _repeated(row.run_id for row in fired):
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
    for key in _repeated((row.workspace, row.monitor) for row in look.rows(breaches) if row.state == "open"):
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


def _repeated(values: Iterable[Hashable]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]

"""Qualify: bring each challenger before its gates, and store what they say with the evidence.

The turn decides *when*; the job, on a worker, judges in an isolated process: champion and challenger on the same held-out rows,
the newest mature ones that neither has seen.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from regie.base.clock import HOUR_MS
from regie.base.errors import Conflict
from regie.data import holdout, snapshots
from regie.gates import changes, queries
from regie.gates.queries import Qualification
from regie.loop import judged, packages
from regie.loop.scene import Scene
from regie.loop.work import Work
from regie.registry import queries as registry
from regie.registry.changes import set_role
from regie.spec.document import DatasetSpec
from regie.store import jobs
from regie.store.change import Change, caused
from regie.store.tables import jobs as jobs_table
from regie.store.types import Cause, system

ACTOR = system("qualify")
KIND = "qualify"


def turn(scene: Scene) -> bool:
    """One move, if there is one to make; True if something changed."""
    if scene.spec.model is None or scene.spec.labelled is None:
        return False
    return _open(scene) or _judge_next(scene) or _notice_lost(scene)


def _open(scene: Scene) -> bool:
    """A challenger without a qualification gets one."""
    with scene.store.read() as db:
        challengers = [one for one in registry.versions(db, scene.workspace, scene.model) if one.role == "challenger"]
        fresh = [one for one in challengers if queries.qualification(db, scene.workspace, scene.model, one.version) is None]
    if not fresh:
        return False
    first = fresh[0]
    cause = caused(first)
    with scene.store.change(ACTOR, "gate.judge", f"{scene.model}@{first.version}", workspace=scene.workspace, cause=cause) as tx:
        labelled = scene.spec.labelled
        spans = (labelled.holdout_ms or 0) + (labelled.label.known_after_ms if labelled.label else 0) if labelled else 0
        # One trained outside has seen rows up to its registration: nothing can be said before a whole holdout after it is mature.
        changes.open(tx, scene.model, first.version, cause, max(tx.now_ms, first.seen_until_ms + spans))
        return tx.rows > 0


def _judge_next(scene: Scene) -> bool:
    """The newest challenger whose time has come is judged; one at a time for each model."""
    now = scene.now_ms()
    with scene.store.read() as db:
        if queries.in_state(db, scene.workspace, "judging"):
            return False
        due = [one for one in queries.in_state(db, scene.workspace, "waiting") if one.next_ms <= now]
    if not due:
        return False
    seen = due[-1]
    with scene.store.change(
        ACTOR, "gate.judge", f"{seen.model}@{seen.version}", "holdout.mature", workspace=scene.workspace, cause=caused(seen)
    ) as tx:
        if changes.judging(tx, seen):
            jobs.enqueue(tx, scene.workspace, KIND, {"model": seen.model, "version": seen.version}, dedup_key=_job_key(seen))
        return tx.rows > 0


def _notice_lost(scene: Scene) -> bool:
    """A judgement whose job failed is given up: the evaluation itself broke, which is no verdict on the model."""
    with scene.store.read() as db:
        for seen in queries.in_state(db, scene.workspace, "judging"):
            job = _newest_job(db, seen)
            if job is not None and job.state in jobs.LIVE:
                continue
            because = f"evaluation.failed: {job.error if job is not None else 'its job is gone'}"
            outcome, next_ms = _after_failure(scene, seen)
            with scene.store.change(
                ACTOR, "gate.judge", f"{seen.model}@{seen.version}", because[:200], workspace=scene.workspace, cause=caused(seen)
            ) as tx:
                concluded = changes.conclude(
                    tx, seen, outcome, because, [], champion=seen.champion, holdout={}, next_ms=next_ms, cause=caused(seen)
                )
                if concluded is not None:
                    _leave(tx, seen, outcome)
                return tx.rows > 0
    return False


def _after_failure(scene: Scene, seen: Qualification) -> tuple[str, int]:
    """The evaluation itself broke: that says nothing of the rows, so the next try need not wait for new ones."""
    return (changes.DROPPED if seen.attempts + 1 >= ATTEMPTS else changes.INCONCLUSIVE), scene.now_ms() + HOUR_MS


def _leave(tx: Change, seen: Qualification, outcome: str) -> None:
    """A version that the gates refused or gave up competes no longer."""
    if outcome in (changes.FAILED, changes.DROPPED):
        set_role(tx, seen.model, seen.version, "")


ATTEMPTS = 3


def _job_key(seen: Qualification) -> str:
    return f"{KIND}:{seen.workspace}:{seen.model}:{seen.version}"


def _newest_job(db: Connection, seen: Qualification) -> Any | None:
    same = jobs_table.c.dedup_key == _job_key(seen)
    return db.execute(select(jobs_table).where(same).order_by(jobs_table.c.id.desc()).limit(1)).first()


@dataclass(frozen=True)
class Rows:
    """The held-out rows of one judgement: a blob of Parquet, and its bounds in business time."""

    digest: str
    rows: int
    from_ms: int
    to_ms: int

    def to_json(self) -> dict[str, Any]:
        return {"digest": self.digest, "rows": self.rows, "from_ms": self.from_ms, "to_ms": self.to_ms}


def work(work: Work) -> None:
    """The job: judge one challenger, store the evidence, its figures as metrics of the run, and what follows, in one change."""
    scene, args = work.scene(), work.job.args
    model, version = args["model"], args["version"]
    with scene.store.read() as db:
        seen = queries.qualification(db, scene.workspace, model, version)
        challenger = registry.version(db, scene.workspace, model, version)
        crowned = scene.champion(db)
        champion = registry.version(db, scene.workspace, model, crowned.version) if crowned else None
    labelled = scene.spec.labelled
    if seen is None or seen.state != "judging" or labelled is None or scene.spec.model is None:
        raise Conflict(f"{model}@{version} is not before the gates", f"job {work.job.id}")
    now = scene.now_ms()
    rows = held_out(
        work, scene, labelled, max(challenger.seen_until_ms, champion.seen_until_ms if champion else 0), now, caused(seen)
    )
    payload = {
        "challenger": str(packages.fetch(work, challenger.package)),
        "champion": str(packages.fetch(work, champion.package)) if champion else None,
        "holdout": str(work.store.blobs.path(rows.digest)),
        "label": labelled.label.column if labelled.label else "",
        "time": labelled.time, "task": scene.spec.model.task.to_json(),
        "gates": [gate.text for gate in scene.spec.model.gates], "attempts": seen.attempts + 1,
    }  # fmt: skip
    found = work.runner.call("regie.gates.evaluate:evaluate_json", payload, work.ours)
    again = now + (labelled.holdout_ms or 0)
    with scene.store.change(
        ACTOR, "gate.judge", f"{model}@{version}", found["because"], workspace=scene.workspace, cause=caused(seen)
    ) as tx:
        concluded = changes.conclude(
            tx, seen, found["verdict"], found["because"], found["gates"], champion=champion.version if champion else None,
            holdout=rows.to_json(), next_ms=again, cause=caused(seen),
        )  # fmt: skip
        if concluded is not None:
            judged.note(tx, challenger, found, seen.attempts)
        _leave(tx, seen, found["verdict"])
        jobs.complete(tx, work.job, {"verdict": found["verdict"]})


def held_out(work: Work, scene: Scene, labelled: DatasetSpec, seen_until_ms: int, now_ms: int, cause: Cause) -> Rows:
    """The newest mature stretch, as long as the promised holdout, of rows that neither model has seen."""
    snapshot = snapshots.take(scene.store, ACTOR, scene.workspace, labelled.name, labelled, scene.root, now_ms, cause)
    assert labelled.label is not None
    cut = holdout.bounds(now_ms, labelled.label.known_after_ms, labelled.holdout_ms or 0)
    from_ms = max(cut.holdout_from_ms, seen_until_ms)
    digest, count = snapshots.slice_of(scene.store, snapshot, from_ms, cut.holdout_to_ms)
    return Rows(digest, count, from_ms, cut.holdout_to_ms)

"""A place whose file asks for approvals, and people who answer: on a real database, without processes."""

from sqlalchemy import insert, select, update

from regie.base.canonical import canonical
from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.loop import approve, release
from regie.pipelines.tables import pipeline_runs
from regie.registry.tables import model_versions
from regie.rollout import queries
from regie.spec.load import parse
from regie.store import events
from regie.store.tables import specs, workspaces
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor
from tests.support.place import NOW, SPEC

ANN, BEN = Actor("ann", frozenset({"validator"})), Actor("ben", frozenset({"validator", "engineer"}))
EVE = Actor("eve", frozenset({"engineer", "owner", "scientist", "viewer"}))
ASKS = SPEC.replace("champion + 0.05]}", "champion + 0.05], approve: {by: validator, not: author, within: 5d}}")
CODE = "sha256:" + "c" * 64


def made(place, text=ASKS):
    apply(place, text)
    place.node()
    return place


def apply(place, text, by="local"):
    """As `regie apply` does it, without its door."""
    spec = parse(text, place.folder / "regie.yaml").spec
    row = {
        "workspace": "loop", "document": canonical(spec.to_json()), "root": str(place.folder), "code_digest": CODE, "git": "{}",
        "applied_ms": NOW, "applied_by": by,
    }  # fmt: skip
    with place.store.change(LOCAL, "spec.apply", "loop", workspace="loop") as tx:
        if tx.execute(select(specs).where(specs.c.digest == spec.digest)).first() is None:
            tx.execute(insert(specs).values(digest=spec.digest, **row))
        tx.execute(update(workspaces).where(workspaces.c.name == "loop").values(spec_digest=spec.digest))
        tx.event("spec.applied", "loop", digest=spec.digest, code=CODE, by=by)


def passed(place, champion=None, package=None):
    number = place.register()
    own = {"package": package or f"sha256:{number:064x}"}
    with place.under("train", "model.register") as tx:
        tx.execute(update(model_versions).where(model_versions.c.version == number).values(**own))
    with place.under("qualify", "gate.judge") as tx:
        gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    conclude(place, number, champion)
    return number


def conclude(place, number, champion=None, outcome=gates.PASSED):
    with place.under("qualify", "gate.judge") as tx:
        gates.conclude(
            tx, qualification(place, number), outcome, "said", [], champion=champion, holdout={}, next_ms=0, cause=NOBODY_CAUSE
        )


def qualification(place, number):
    with place.store.read() as db:
        return judged.qualification(db, "loop", "loop", number)


def turn(place, times=40):
    for _ in range(times):
        with place.store.read() as db:
            wanted = queries.route(db, "loop", "loop")
        place.node(**({"loop": wanted.generation} if wanted else {}))
        if not release.turn(place.scene):
            return
    raise AssertionError("it does not come to rest")


def asked(place, number):
    with place.store.read() as db:
        return judged.approval(db, "loop", "prod", "loop", number)


def rollouts(place, number):
    with place.store.read() as db:
        return [(one.state, one.because) for one in queries.of_version(db, "loop", "loop", number)]


def told(place, *types):
    with place.store.read() as db:
        return [(one.type, one.subject, one.data.get("because")) for one in events.after(db, 0, types=types)]


def ran(place, number, by="local", code=CODE, at_ms=NOW):
    """The version comes from a run that somebody started."""
    run_id = f"{number:032x}"
    row = {
        "run_id": run_id, "workspace": "loop", "pipeline": "train", "function": "flow:train", "params": "{}", "state": "finished",
        "reason": "", "code_digest": code, "lock_digest": "", "snapshots": "{}", "git": "{}", "result": "{}", "error": "{}",
        "cause": "{}", "job_id": "", "by": by, "created_ms": at_ms,
    }  # fmt: skip
    with place.under("train", "run.finish") as tx:
        tx.execute(insert(pipeline_runs).values(row))
        tx.execute(update(model_versions).where(model_versions.c.version == number).values(run_id=run_id))


def released(place):
    """One more champion, its rollout over."""
    with place.store.read() as db:
        champion = place.scene.champion(db)
    number = passed(place, champion.version if champion else None)
    turn(place)
    if asked(place, number):
        approve.grant(place.scene, ANN, "loop", number)
    turn(place)
    with place.store.read() as db:
        assert place.scene.champion(db).version == number
    return number

"""What a leader saw may be old when it acts: another server leads, or a worker is long dead. Nothing is done twice or left behind."""

from sqlalchemy import select, update

from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.loop import approve, release, start, train
from regie.pipelines import changes as pipelines
from regie.pipelines.tables import tasks
from regie.rollout import queries
from regie.store import tokens
from regie.store.tables import jobs, workspaces
from regie.store.tables import tokens as tokens_table
from regie.store.types import LOCAL, NOBODY_CAUSE
from regie.tracking import changes as tracking
from regie.tracking.tables import runs


def test_a_version_that_another_leader_has_released_meanwhile_is_not_lined_up_again(place):
    number = place.register()
    with place.under("qualify", "gate.judge") as tx:
        gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    with place.store.read() as db:
        waits = judged.qualification(db, "loop", "loop", number)
    with place.under("qualify", "gate.judge") as tx:
        gates.conclude(tx, waits, gates.PASSED, "said", [], champion=None, holdout={}, next_ms=0, cause=NOBODY_CAUSE)
    here = place.scene
    with place.store.read() as db:
        newest = judged.qualification(db, "loop", "loop", number)
        seen = approve.look(here, db, newest, here.now_ms())
    place.node()
    assert release.turn(here)  # one leader lines it up, and starts it
    assert release.turn(here)
    assert release._wait(here, here.serves, newest, seen, "gates.passed") is False  # the other one saw it before that
    with place.store.read() as db:
        assert [one.state for one in queries.listed(db, "loop")] == ["running"]


def test_a_worker_that_died_in_its_last_attempt_leaves_no_running_task_and_no_valid_token(place):
    with place.store.change(LOCAL, "pipeline.run", "train", workspace="loop") as tx:
        tx.execute(update(workspaces).values(spec_digest=workspaces.c.spec_digest))
        pipeline = place.spec.pipelines["train"]
        run_id = start.queue_run(tx, pipeline, code_digest="sha256:" + "0" * 64, reason="", cause=NOBODY_CAUSE, by="local")
    task = {
        "id": "a" * 32, "run_id": run_id, "name": "fit", "window": "all", "step": "flow:fit", "attempt": 1, "cache_key": "",
        "parts": {}, "inputs": {}, "mlflow_run_id": "b" * 32,
    }  # fmt: skip
    with place.under("train", "task.record") as tx:
        experiment = tracking.ensure_experiment(tx, "train")
        tracking.create_run(tx, experiment, "fit", run_id=task["mlflow_run_id"], parent=run_id, tags={}, user="local")
        pipelines.start_task(tx, task)
        token = tokens.issue(tx, f"task:{task['id']}", "task", "run:x")
    with place.store.machinery() as batch:
        batch.execute(update(jobs).values(state="failed", error="its worker died"))
    assert train.turn(place.scene)
    with place.store.read() as db:
        assert db.execute(select(tasks.c.state)).scalar_one() == "failed"
        assert db.execute(select(runs.c.status).where(runs.c.id == task["mlflow_run_id"])).scalar_one() == "KILLED"
        assert db.execute(select(tokens_table.c.revoked_wall_ms)).scalar_one() is not None
    assert token

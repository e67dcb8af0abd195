"""What the gates measured becomes metrics of the run, with the judgement or not at all, and is only ever added to."""

import pytest
from sqlalchemy import select

from regie.store.types import LOCAL, system
from regie.tracking import changes, judged, measure, queries
from regie.tracking.tables import metrics
from regie.tracking.types import Metric

W = "w"


@pytest.fixture
def run_id(store):
    return started(store)


def started(store, workspace=W):
    with store.change(LOCAL, "run.create", "r", workspace=workspace) as tx:
        return changes.create_run(tx, changes.ensure_experiment(tx, "e"), "r")


def judge(store, run_id, judgement, workspace=W, **figures):
    """A change that records a judgement; returns whether something was noted, and the wall time of it."""
    with store.change(system("qualify"), "gate.judge", "m@1", workspace=workspace) as tx:
        return judged.note(tx, run_id, {f"judged.{name}": value for name, value in figures.items()}, judgement), tx.wall_ms


def points(store, run_id, name):
    with store.read() as db:
        mine = (metrics.c.run == queries.run(db, run_id).key, metrics.c.key == f"judged.{name}")
        return [tuple(row) for row in db.execute(select(metrics.c.step, metrics.c.value).where(*mine).order_by(metrics.c.step))]


def latest(store, run_id):
    with store.read() as db:
        return {one.key: one for one in queries.data(db, run_id).metrics}


def test_a_later_judgement_adds_a_later_point_and_what_is_as_it_was_adds_none(store, run_id):
    measure.log_batch(store, run_id, [("log_loss", 0.1, 1, 7), ("Judged.log_loss", 0.9, 1, 99)])
    _, wall_ms = judge(store, run_id, 0, log_loss=0.5, rows=420)
    assert latest(store, run_id)["judged.log_loss"] == Metric("judged.log_loss", 0.5, wall_ms, 0)
    assert judge(store, run_id, 1, log_loss=0.5, rows=420)[0] is False
    assert judge(store, run_id, 2, log_loss=0.4, rows=420)[0] is True
    assert points(store, run_id, "log_loss") == [(0, 0.5), (2, 0.4)]
    assert points(store, run_id, "rows") == [(0, 420.0)]
    assert latest(store, run_id)["log_loss"].value == 0.1


def test_the_first_judgement_of_another_version_of_the_run_comes_after_those_before(store, run_id):
    judge(store, run_id, 2, log_loss=0.5)
    judge(store, run_id, 0, log_loss=0.9, auc=0.7)
    assert points(store, run_id, "log_loss") == [(2, 0.5), (3, 0.9)]
    assert (latest(store, run_id)["judged.log_loss"].value, points(store, run_id, "auc")) == (0.9, [(3, 0.7)])


def test_a_judgement_that_is_not_kept_leaves_no_figure(store, run_id):
    def half():
        with store.change(system("qualify"), "gate.judge", "m@1", workspace=W) as tx:
            assert judged.note(tx, run_id, {"judged.log_loss": 0.5}, 0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert points(store, run_id, "log_loss") == []


def test_a_run_that_is_deleted_elsewhere_or_unknown_stays_as_it_is_and_stops_no_judgement(store, run_id):
    other = started(store, "elsewhere")
    with store.change(LOCAL, "run.delete", run_id, workspace=W) as tx:
        changes.set_run_lifecycle(tx, run_id, "deleted")
    assert [judge(store, one, 0, log_loss=0.5)[0] for one in (run_id, other, "f" * 32, "")] == [False] * 4
    assert points(store, run_id, "log_loss") == points(store, other, "log_loss") == []

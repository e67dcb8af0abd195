"""Two to fifty runs beside each other."""

import json

import pytest
from sqlalchemy import insert

from regie.app.caller import CallerOf
from regie.app.pages import compare
from regie.base.errors import BadInput, NotFound
from regie.pipelines.project import pack_files
from regie.pipelines.tables import pipeline_runs
from regie.store.actors import everybody
from regie.store.types import LOCAL, system
from regie.tracking import judged
from regie.tracking.tables import runs
from tests.support import measured_runs


@pytest.fixture
def caller(sqlite_store):
    return CallerOf(sqlite_store, everybody(LOCAL), "team")


@pytest.fixture
def found(caller):
    return measured_runs.fill(caller.store, "team", measured_runs.experiment(caller.store, "team", "search"), 50)


def of_pipeline(caller, run_id, code, lock):
    """The run is one of a pipeline, on this code and with these libraries."""
    blobs = caller.store.blobs
    row = {
        "run_id": run_id, "workspace": "team", "pipeline": "train", "function": "flow:train", "params": "{}", "state": "finished",
        "reason": "", "code_digest": blobs.put(pack_files(code)), "lock_digest": blobs.put(json.dumps(lock).encode()), "snapshots": "{}",
        "git": '{"commit":"abc"}', "result": "{}", "error": "", "cause": "{}", "job_id": "", "by": "local", "created_ms": 1,
    }  # fmt: skip
    with caller.store.database.write() as db:
        db.execute(insert(pipeline_runs).values(row))
        db.execute(runs.update().where(runs.c.id == run_id).values(kind="pipeline"))


def page(caller, ids, **said):
    return compare.page(caller, ",".join(ids), **said)


def test_fifty_runs_stand_in_the_order_in_which_they_were_named_and_more_are_refused(caller, found):
    shown = page(caller, found[::-1])
    assert [one.id for one in shown.runs] == found[::-1]
    assert shown.reference == found[-1]
    assert len(shown.model_dump_json()) < 200_000
    with pytest.raises(BadInput):
        page(caller, [*found, "f" * 32])


def test_only_what_differs_is_shown_unless_all_is_wanted(caller, found):
    for one in found[:2]:
        measured_runs.log(caller.store, one, "equal", [1.0])
    shown, whole = page(caller, found[:2]), page(caller, found[:2], all=True)
    assert "equal" not in [row.name for row in shown.metrics.rows]
    assert {"equal", "auc"} <= {row.name for row in whole.metrics.rows}
    assert (shown.metrics.count, shown.metrics.differing) == (5, 4)
    assert [row.name for row in page(caller, found[:2], all=True, search="EQU").metrics.rows] == ["equal"]


def test_differences_are_from_the_chosen_reference_and_signed_by_what_the_catalogue_knows(caller, found):
    shown = page(caller, found[:3], reference=found[1])
    rows = {row.name: row for row in shown.metrics.rows}
    assert [row.name for row in shown.metrics.rows][:2] == ["auc", "log_loss"]  # what has a direction comes first
    loss = rows["log_loss"]
    assert loss.differences[1] is None
    assert loss.differences[0].by == pytest.approx(loss.values[0] - loss.values[1])
    assert loss.differences[0].better == (loss.values[0] < loss.values[1])
    assert rows["fit_seconds"].differences[0].better is None


def test_what_the_gates_measured_is_better_as_the_catalogue_has_it_and_rows_are_no_better_or_worse(caller, found):
    for one, loss, gap in ((found[0], 0.5, 0.1), (found[1], 0.4, 0.2)):
        with caller.store.change(system("qualify"), "gate.judge", "m@1", workspace="team") as tx:
            figures = {
                "judged.log_loss": loss,
                "judged.recall.by.sex.gap": gap,
                "judged.rows": 1000 * loss,
                "judged.latency.p95": 10 * loss,
            }
            assert judged.note(tx, one, figures, 0)
    shown = [row.name for row in page(caller, found[:2]).metrics.rows]
    assert shown.index("judged.recall.by.sex.gap") < shown.index("judged.latency.p95") < shown.index("judged.rows")
    rows = {row.name: row for row in page(caller, found[:2]).metrics.rows}
    said = {name: (rows[name].direction, rows[name].differences[1].better) for name in rows if name.startswith("judged.")}
    assert said == {
        "judged.log_loss": ("lower", True), "judged.recall.by.sex.gap": ("lower", False), "judged.latency.p95": ("lower", True),
        "judged.rows": (None, None),
    }  # fmt: skip


def test_runs_that_are_not_there_are_named_and_of_none_nothing_is_compared(caller, found):
    shown = page(caller, [found[0], "f" * 32], reference="f" * 32)
    assert (shown.missing, shown.reference, len(shown.runs)) == (["f" * 32], found[0], 1)
    with pytest.raises(NotFound):
        page(caller, ["f" * 32])
    with pytest.raises(NotFound):
        page(CallerOf(caller.store, everybody(LOCAL), "elsewhere"), found)


def test_axes_are_chosen_or_the_first_that_differ(caller, found):
    shown = page(caller, found[:10])
    assert [one.short for one in shown.axes] == [
        "p.booster",
        "p.depth",
        "p.learning_rate",
        "p.seed",
        "m.leaves",
        "m.fit_seconds",
        "m.log_loss",
        "m.auc",
    ]
    booster, depth = shown.axes[0], shown.axes[1]
    assert set(booster.texts) <= {"dart", "gbdt", "goss"}
    assert depth.low == min(depth.places)
    assert [one.short for one in page(caller, found[:10], axes="m.auc,p.depth,m.none").axes] == ["m.auc", "p.depth"]


def test_code_and_environment_differ_file_by_file_and_library_by_library(caller, found):
    first, second, third = found[:3]
    of_pipeline(
        caller, first, {"flow.py": b"a = 1\n", "regie.yaml": b"x: 1\n"}, {"python": "CPython 3.11", "library numpy": "2.3"}
    )
    of_pipeline(
        caller, second, {"flow.py": b"a = 2\n", "regie.yaml": b"x: 1\n"}, {"python": "CPython 3.11", "library numpy": "2.4"}
    )
    shown = page(caller, [first, second, third])
    assert [(row.name, row.values) for row in shown.packages.rows] == [("numpy", ["2.3", "2.4", None])]
    assert shown.runs[0].code != shown.runs[1].code
    assert (shown.runs[0].commit, shown.runs[2].code, shown.runs[2].packages_of) == ("abc", "", "")
    files = compare.code(caller, first, second).files
    assert [(one.path, one.lines) for one in files] == [("flow.py", ["@@ -1 +1 @@", "-a = 1", "+a = 2"])]
    assert not compare.code(caller, first, third).known


def test_metrics_with_a_history_can_be_drawn(caller, found):
    measured_runs.log(caller.store, found[0], "val/auc", [0.5, 0.6])
    measured_runs.log(caller.store, found[1], "val/auc", [0.5, 0.7])
    measured_runs.log(caller.store, found[1], "train/auc", [0.5, 0.7])
    assert page(caller, found[:5]).curves == ["val/auc", "train/auc"]

"""The run that a judged version came from has the figures, and whoever listens is told of it."""

import json

import pytest
from sqlalchemy import update

from regie.app.feed_look import Look
from regie.gates import changes as gates
from regie.loop import judged
from regie.registry import queries as registry
from regie.registry.tables import model_versions
from regie.store.types import LOCAL, NOBODY_CAUSE
from regie.tracking import changes, queries
from tests.support.asking import conclude
from tests.support.place import Place

FOUND = {"rows": 420, "gates": [{"gate": "log_loss <= champion + 0.05", "value": 0.5}]}


@pytest.fixture
def place(sqlite_store, tmp_path):
    return Place(sqlite_store, tmp_path)


def run_of_client(place):
    """A run with a logged model, as MLflow's client makes them."""
    with place.store.change(LOCAL, "run.create", "r", workspace="loop") as tx:
        experiment = changes.ensure_experiment(tx, "e")
        parent = changes.create_run(tx, experiment, "search")
        run_id = changes.create_run(tx, experiment, "r", parent=parent)
        return parent, run_id, changes.create_logged_model(tx, experiment, "m", source_run_id=run_id)


def version(place, **facts):
    number = place.register()
    with place.under("train", "model.register") as tx:
        tx.execute(update(model_versions).where(model_versions.c.version == number).values(**facts))
    with place.store.read() as db:
        return registry.version(db, "loop", "loop", number)


def note(place, of):
    with place.under("qualify", "gate.judge") as tx:
        judged.note(tx, of, FOUND, 0)


def metrics(place, run_id):
    with place.store.read() as db:
        return {one.key: one.value for one in queries.data(db, run_id).metrics}


def test_the_figures_stand_with_the_run_or_with_that_of_the_logged_model(place):
    _, by_run, _ = run_of_client(place)
    _, by_model, model_id = run_of_client(place)
    note(place, version(place, run_id=by_run))
    note(place, version(place, logged_model_id=model_id))
    assert metrics(place, by_run) == metrics(place, by_model) == {"judged.log_loss": 0.5, "judged.rows": 420.0}


def test_a_version_of_no_run_is_judged_all_the_same(place):
    for facts in ({"run_id": ""}, {"logged_model_id": "m-" + "0" * 32}, {"run_id": "f" * 32}):
        note(place, version(place, **facts))


def test_whoever_listens_is_told_that_the_run_has_grown_and_the_one_that_it_is_part_of(place):
    parent, run_id, _ = run_of_client(place)
    made = version(place, run_id=run_id)
    with place.under("qualify", "gate.judge") as tx:
        gates.open(tx, "loop", made.version, NOBODY_CAUSE, tx.now_ms)
    look = Look(place.store)
    look.news()
    conclude(place, made.version)
    said = [json.loads(one.data.partition(b"data: ")[2]) for one in look.news()]
    assert [one.get("type", one["kind"]) for one in said] == ["gates.passed", "measured"]
    assert (said[1]["workspace"], said[1]["runs"]) == ("loop", [run_id, parent])

"""What runs again and what does not, in whole runs; `regie why` names the reason."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import select

from regie.pipelines import queries
from regie.store.tables import audit_records
from regie.tracking import queries as tracked
from tests.support.pipelines import FLOW, HELPERS, LOCK


def test_nothing_that_did_not_change_is_computed_again(world):
    first, again = world.request(), world.request()
    assert world.go(first) == world.go(again)
    assert world.tasks(first) == [("clean", "finished"), ("fit", "finished")]
    assert world.tasks(again) == [("clean", "cached"), ("fit", "cached")]
    assert len(list(world.marks.iterdir())) == 2
    assert "nothing that it depends on changed" in world.why(again, "fit").because


def changed_helper(world):
    return world.request(helpers=HELPERS.replace("return FACTOR", "return FACTOR * 2")), None, "code helpers.scale"


def changed_constant(world):
    return world.request(helpers=HELPERS.replace("1.0", "3.0")), None, "code helpers.FACTOR"


def changed_parameter(world):
    return world.request(strength=2.0), None, "parameter strength"


def changed_step(world):
    return world.request(flow=FLOW.replace('"rows")', '"rows!")')), None, "code flow.fit"


@pytest.mark.parametrize("change", [changed_helper, changed_constant, changed_parameter, changed_step])
def test_a_change_runs_again_what_it_affects_and_why_names_it(world, change):
    world.go(world.request())
    request, dataset, part = change(world)
    world.go(request, dataset)
    assert world.tasks(request) == [("clean", "cached"), ("fit", "finished")]
    explained = world.why(request, "fit")
    assert [one.part for one in explained.differences] == [part]
    assert explained.because.startswith(f"{part} differs from run ")


def test_a_changed_input_runs_everything_behind_it_again(world):
    world.go(world.request())
    frame = pd.DataFrame({"spend": [float(n % 80) for n in range(200)], "age": 1})
    frame["churned"] = (frame["spend"] > 40).astype(int)
    request = world.request()
    world.go(request, world.put_rows(frame))
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished")]
    assert world.why(request, "clean").differences[0].part == "input customers"


def test_a_changed_lock_runs_everything_again_and_why_names_the_library(world):
    world.go(world.request())
    world.lock = replace(LOCK, installed=LOCK.installed | {"scikit-learn": "99.0"})
    request = world.request()
    world.go(request)
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished")]
    assert [one.part for one in world.why(request, "fit").differences] == ["lock: library scikit-learn"]


def test_a_step_behind_an_unchanged_output_is_not_computed_again(world):
    world.go(world.request())
    request = world.request(flow=FLOW.replace('mark("clean")', 'mark("clean"); print("said")'))
    world.go(request)
    assert world.tasks(request) == [("clean", "finished"), ("fit", "cached")]


def test_a_lost_blob_is_computed_again_instead_of_being_missed(world):
    output = world.go(world.request())
    world.store.blobs.path(output["digest"]).unlink()
    request = world.request()
    assert world.go(request) == output
    assert world.tasks(request) == [("clean", "cached"), ("fit", "finished")]


def test_a_step_that_is_not_deterministic_is_never_answered_by_the_cache(world):
    world.go(world.request("with_now"))
    request = world.request("with_now")
    world.go(request)
    assert world.tasks(request) == [("clean", "cached"), ("now", "finished")]


THREE = """
from sklearn.linear_model import LogisticRegression
from regie import Dataset, Model, Table, pipeline, step

class Made:
    kept = 1

@step
def clean(customers: Dataset) -> Table:
    return customers.read()

@step
def fit(rows: Table) -> Model:
    Made.kept
    return Model(LogisticRegression().fit(rows.features, rows.label))

@step
def wrap(model: Model, rows: Table) -> Model:
    return Model(model.estimator)

@step
def score(model: Model, rows: Table) -> float:
    return float((model.estimator.predict(rows.features) == rows.label).mean())

@pipeline
def train(customers: Dataset) -> float:
    rows = clean(customers)
    return score(wrap(fit(rows), rows), rows)
"""


def test_the_classes_inside_of_a_model_count_however_many_steps_handed_it_on(world):
    world.go(world.request(flow=THREE))
    request = world.request(flow=THREE.replace("kept = 1", "kept = 2"))
    world.go(request)
    # Each estimator has the same bytes as before; what unpickling makes of them is another thing.
    assert world.tasks(request) == [("clean", "cached"), ("fit", "finished"), ("wrap", "finished"), ("score", "finished")]
    assert world.why(request, "score").differences[0].part == "code behind input model"


MANY = """
from regie import pipeline, step

@step
def add(a: int, b: int) -> int:
    return a + b

@step(deterministic=False)
def again(a: int) -> int:
    return a

@pipeline
def train(length: int) -> int:
    total = 0
    for number in range(length):
        total = add(total, number)
    return add(again(total), 1)
"""


def test_tasks_in_a_row_that_the_cache_answers_are_one_change_with_an_event_for_each(world):
    first, second = (world.request(flow=MANY, length=12) for _ in range(2))
    world.go(first)
    world.go(second)
    assert world.tasks(second) == [
        *((f"add-{number}" if number > 1 else "add", "cached") for number in range(1, 13)), ("again", "finished"), ("add-13", "cached")
    ]  # fmt: skip
    with world.store.read() as db:
        records = db.execute(select(audit_records.c.record).where(audit_records.c.target == second.run_id)).scalars().all()
        runs = [tracked.run(db, one["mlflow_run_id"]) for one in queries.tasks_of(db, second.run_id)]
    told = [len(json.loads(record)["events"]) for record in records if json.loads(record)["action"] == "task.record"]
    assert told == [12, 1, 1, 1]
    assert {run.status for run in runs} == {"FINISHED"}


READS = """
from pathlib import Path
from regie import Dataset, pipeline, step

@step
def seen(customers: Dataset) -> int:
    return int(Path(PLACE).read_text())

@step(deterministic=False)
def looked(customers: Dataset) -> int:
    return int(Path(PLACE).read_text())

@pipeline
def train(customers: Dataset) -> int:
    return seen(customers)

@pipeline
def careful(customers: Dataset) -> int:
    return looked(customers)
"""


def test_a_file_that_a_step_reads_undeclared_is_not_seen_unless_the_step_says_that_it_is_not_deterministic(world, tmp_path):
    place = tmp_path / "number.txt"
    flow = f"PLACE = {str(place)!r}\n" + READS
    answers = []
    for text in ("1", "2"):
        place.write_text(text)
        answers.append([world.go(world.request(name, flow=flow))["value"] for name in ("train", "careful")])
    assert answers == [[1, 1], [1, 2]]

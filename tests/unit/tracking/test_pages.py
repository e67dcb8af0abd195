import json
import math
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from regie.base.errors import BadInput
from regie.registry import changes as registry
from regie.registry import search as registry_search
from regie.store.types import LOCAL
from regie.tracking import changes, measure, run_json, search
from regie.tracking.filter import Order
from regie.tracking.keyset import Window
from regie.tracking.model_search import ModelOrder, logged_models_found
from regie.tracking.tables import latest_metrics, params, run_inputs, run_models, run_tags, runs
from regie.tracking.types import RUN_NAME

WORKSPACE = "w"
VALUES = [0.0, -0.0, 1.5, -1e300, 1.7976931348623157e308, 0.1 + 0.2, 5e-324]
TEXTS = ["a", "A", "b", "é", "\U0001f600", "10", "9", "", " ", 'q"\\\n']
KEYS = ["metric:m", "param:p", "tag:t", "attribute:start_time", "attribute:end_time", "attribute:status", "attribute:run_name",
        "attribute:run_id"]  # fmt: skip


def run_of(number: int) -> dict[str, object]:
    """Forty runs that share values, miss some, and measure NaN: the places where pages go wrong."""
    return {
        "id": f"{(number * 7919) % 65536:032x}", "start_wall_ms": number % 4, "end_wall_ms": None if number % 3 == 0 else number % 5,
        "status": ("FINISHED", "FAILED")[number % 2], "metric": None if number % 5 == 0 else math.nan if number % 7 == 0 else
        VALUES[number % len(VALUES)], "param": None if number % 4 == 0 else TEXTS[number % len(TEXTS)],
        "tag": None if number % 6 else TEXTS[number % 3], "run_name": f"r{number % 9}",
    }  # fmt: skip


RUNS = [run_of(number) for number in range(40)]


@pytest.fixture
def filled(store):
    with store.change(LOCAL, "experiment.create", "x", workspace=WORKSPACE) as tx:
        experiment = changes.create_experiment(tx, uuid4().hex)
        common = {"workspace": WORKSPACE, "experiment_id": experiment, "kind": "", "user": 'u"', "lifecycle": "active"}
        for key, one in enumerate(RUNS, 1):
            named = {name: one[name] for name in ("id", "start_wall_ms", "end_wall_ms", "status")}
            tx.execute(insert(runs).values(key=key, **common, **named))
    with store.measure() as batch:
        for key, one in enumerate(RUNS, 1):
            if one["metric"] is not None:
                is_nan = math.isnan(one["metric"])
                point = {"run": key, "key": "m", "value": 0.0 if is_nan else one["metric"], "is_nan": is_nan}
                batch.execute(insert(latest_metrics).values(**point, timestamp_wall_ms=1 << 53, step=-3))
            if one["param"] is not None:
                batch.execute(insert(params).values(run=key, key="p", value=one["param"]))
            for name, value in ((RUN_NAME, one["run_name"]), ("t", one["tag"])):
                if value is not None:
                    batch.execute(insert(run_tags).values(run=key, key=name, value=value))
    return store, experiment


def sorted_as_stock_does(orders: list[Order]) -> list[str]:
    """The oracle: NaN, then what is missing, last both ways; then the newest, then by id."""
    found = sorted(RUNS, key=lambda one: str(one["id"]))
    plain = [*orders]
    if not any(one.key == "start_time" for one in orders):
        plain.append(Order("attribute", "start_time", False))
    for order in reversed(plain):
        name = {
            "m": "metric",
            "p": "param",
            "t": "tag",
            "run_id": "id",
            "start_time": "start_wall_ms",
            "end_time": "end_wall_ms",
        }.get(order.key, order.key)
        rank = {id(one): 2 if one[name] is None else 1 if one[name] != one[name] else 0 for one in found}
        there = [one for one in found if rank[id(one)] == 0]
        there.sort(key=lambda one: one[name], reverse=not order.ascending)
        found = [*there, *(one for one in found if rank[id(one)] == 1), *(one for one in found if rank[id(one)] == 2)]
    return [str(one["id"]) for one in found]


@st.composite
def some_orders(draw):
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=3, unique=True))
    return [Order(*key.split(":"), draw(st.booleans())) for key in keys]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=some_orders(), limit=st.integers(3, 17))
def test_pages_of_any_size_are_the_whole_in_the_order_of_stock(filled, orders, limit):
    store, experiment = filled
    found, window = [], Window(limit)
    with store.read() as db:
        while True:
            page = search.runs_found(db, WORKSPACE, [experiment], (), orders, window=window)
            found += [one.id for one in page.found]
            assert len(page.found) == limit or page.next is None
            if page.next is None:
                break
            # As a token carries it.
            window = Window(limit, after=tuple(json.loads(json.dumps(page.next))))
    assert found == sorted_as_stock_does(orders)


def test_what_a_run_measured_is_said_exactly(filled):
    store, experiment = filled
    with store.measure() as batch:
        data = {
            "name": "rows",
            "digest": "d",
            "source_type": "local",
            "source": "{}",
            "schema": "",
            "profile": "p",
            "context": "train",
        }
        batch.execute(insert(run_inputs).values(run=1, **data, tags=json.dumps({"mlflow.data.context": "train"})))
        batch.execute(insert(run_models), [
            {"run": 1, "direction": "output", "model_id": "m-1", "step": 3}, {"run": 1, "direction": "input", "model_id": "m-2", "step": 0},
        ])  # fmt: skip
    with store.read() as db:
        found = search.runs_found(db, WORKSPACE, [experiment]).found
        said = [json.loads(text) for text in run_json.texts(db, found)]
    assert [one["info"]["run_id"] for one in said] == [run.id for run in found]
    for one in said:
        expected = next(run for run in RUNS if run["id"] == one["info"]["run_id"])
        points = {point["key"]: point for point in one["data"].get("metrics", [])}
        value = expected["metric"]
        if value is not None:
            assert points["m"] == {"key": "m", "value": "NaN" if value != value else value, "timestamp": 1 << 53, "step": -3}
        assert {pair["key"]: pair["value"] for pair in one["data"].get("params", [])} == (
            {} if expected["param"] is None else {"p": expected["param"]}
        )
        assert {"key": RUN_NAME, "value": expected["run_name"]} in one["data"]["tags"]
        assert (one["info"]["run_name"], one["info"]["user_id"]) == (expected["run_name"], 'u"')
        assert one["info"].get("end_time") == expected["end_wall_ms"]
    first = next(one for one in said if one["info"]["run_id"] == RUNS[0]["id"])
    assert first["outputs"] == {"model_outputs": [{"model_id": "m-1", "step": 3}]}
    assert first["inputs"]["model_inputs"] == [{"model_id": "m-2"}]
    dataset = {"name": "rows", "digest": "d", "source_type": "local", "source": "{}", "profile": "p"}
    assert first["inputs"]["dataset_inputs"] == [{"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": dataset}]


def test_a_position_of_another_order_is_refused(filled):
    store, experiment = filled
    with store.read() as db:
        for position in ((), (1,), ("a", "b"), (1, 2), (None, "a"), (1 << 63, "a"), (True, "a"), (1, "\x00"), (1.5, "a")):
            with pytest.raises(BadInput):
                search.runs_found(db, WORKSPACE, [experiment], window=Window(1, after=position))


def paged(read, limit: int) -> list[object]:
    found, window = [], Window(limit)
    while True:
        page = read(window)
        found += page.found
        if page.next is None:
            return found
        window = Window(limit, after=page.next)


def test_experiments_models_and_versions_come_in_pages_too(store):
    with store.change(LOCAL, "experiment.create", "x", workspace=WORKSPACE) as tx:
        names = [f"e{number}" for number in range(7)]
        for name in names:
            changes.create_experiment(tx, name)
    with store.change(LOCAL, "model.register", "x", workspace=WORKSPACE) as tx:
        for name in ("b", "A", "a"):
            registry.create_model(tx, name, tags={"kind": name})
            for _ in range(3):
                registry.register(tx, name, source="s")
    by_name = [Order("attribute", "name", False)]
    with store.read() as db:
        found = paged(lambda window: search.experiments_found(db, WORKSPACE, (), by_name, window=window), 3)
        assert [one.name for one in found] == names[::-1]
        assert len(paged(lambda window: search.experiments_found(db, WORKSPACE, window=window), 2)) == 7
        models = paged(lambda window: registry_search.models(db, WORKSPACE, window=window), 2)
        assert [(one.name, one.tags) for one in models] == [(name, {"kind": name}) for name in ("A", "a", "b")]
        versions = paged(lambda window: registry_search.versions(db, WORKSPACE, (), by_name, window), 2)
    assert [(one.name, one.version) for one in versions] == [(name, number) for name in ("b", "a", "A") for number in (3, 2, 1)]


def test_logged_models_are_sorted_by_their_newest_point_on_a_dataset(store):
    with store.change(LOCAL, "experiment.create", "x", workspace=WORKSPACE) as tx:
        experiment = changes.create_experiment(tx, uuid4().hex)
        run_id = changes.create_run(tx, experiment, "r")
        ids = [changes.create_logged_model(tx, experiment, f"m{number}") for number in range(4)]
    said = {
        ids[0]: [(0.1, 1, "a"), (0.9, 2, "a"), (0.2, 3, "b")], ids[1]: [(0.5, 1, "a")], ids[2]: [(math.nan, 1, "a")], ids[3]: [(0.7, 1, "b")],
    }  # fmt: skip
    with store.measure() as batch:
        for model_id, known in said.items():
            for value, timestamp, dataset in known:
                points = [("acc", value, timestamp, 0)]
                said_of = measure.ModelPoints(model_id=model_id, dataset_name=dataset, dataset_digest="d", points=points)
                measure.write_model_metrics(batch, run_id, said_of)
    order = ModelOrder(Order("metric", "acc", False), ("a", ""))
    with store.read() as db:
        found = paged(lambda window: logged_models_found(db, WORKSPACE, [experiment], orders=[order], window=window), 1)
        assert [one.id for one in found][:2] == [ids[0], ids[1]]
        assert {one.id for one in found} == set(ids)
        on_b = logged_models_found(db, WORKSPACE, [experiment], datasets=[("b", "d")]).found
        assert {one.id for one in on_b} == {ids[0], ids[3]}
        assert not logged_models_found(db, WORKSPACE, [experiment], datasets=[("b", "other")]).found

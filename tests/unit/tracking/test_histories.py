import itertools
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from regie.base.errors import BadInput
from regie.tracking import histories
from regie.tracking.histories import Stretch
from regie.tracking.keyset import Window
from regie.tracking.tables import metrics

_runs = itertools.count(1)
VALUES = st.sampled_from([0.0, 1.5, -1e-9, 1.7976931348623157e308, math.nan])
# Several points a step, in any order; or every point at step 0, as of whoever logs without a step.
points = st.one_of(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 6), VALUES), max_size=30),
    st.lists(st.tuples(st.integers(0, 40), st.just(0), VALUES), max_size=60),
)


def logged(store, said) -> tuple[int, list[tuple[int, int, float, bool]]]:
    """A run with these points (timestamp, step, value); and what is kept of them: the same point twice is one."""
    run = next(_runs)
    kept = sorted({(timestamp, step, 0.0 if value != value else value, value != value) for timestamp, step, value in said})
    names = ("timestamp_wall_ms", "step", "value", "is_nan")
    with store.measure() as batch:
        if kept:
            batch.execute(insert(metrics), [{"run": run, "key": 'm"', **dict(zip(names, one, strict=True))} for one in kept])
    return run, kept


def shown(texts: list[str]) -> list[tuple[int, int, float, bool]]:
    said = [json.loads(text) for text in texts]
    assert all(one["key"] == 'm"' for one in said)
    return [
        (one["timestamp"], one["step"], 0.0 if one["value"] == "NaN" else one["value"], one["value"] == "NaN") for one in said
    ]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=points, limit=st.integers(1, 7))
def test_pages_of_any_size_are_the_whole_history_by_timestamp_step_and_value(store, said, limit):
    run, kept = logged(store, said)
    found, window = [], Window(limit)
    with store.read() as db:
        while True:
            texts, following = histories.page(db, Stretch(run, 'm"'), window)
            found += shown(texts)
            if following is None:
                break
            window = Window(limit, after=tuple(json.loads(json.dumps(following))))
    assert found == kept


def stock(kept: list[tuple[int, int, float, bool]], most: int) -> list[tuple[int, int, float, bool]]:
    """The oracle: NTILE over (step, timestamp, value), the first of each tile, and the last of all in the place of the last one."""
    found = sorted(kept, key=lambda one: (one[1], one[0], one[2], one[3]))
    tiles = min(most, len(found))
    sizes = [len(found) // tiles + (place < len(found) % tiles) for place in range(tiles)] if tiles else []
    starts = [sum(sizes[:place]) for place in range(tiles)]
    return [found[place] for place in [*starts[:-1], len(found) - 1]] if found else []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=points, most=st.integers(1, 12), steps=st.sampled_from([None, (0, 3), (5, 9)]))
def test_a_chart_has_the_points_that_stock_chooses(store, said, most, steps):
    run, kept = logged(store, said)
    with store.read() as db:
        found = shown(histories.sample(db, Stretch(run, 'm"', "r", steps), most))
    assert found == stock([one for one in kept if steps is None or steps[0] <= one[1] <= steps[1]], most)


@pytest.mark.parametrize("position", [(), (1, 2, 3), (1, 2, "a", 0), (1, 2, 3.0, None), (1 << 63, 1, 1.0, 0)])
def test_a_position_of_something_else_is_refused(sqlite_store, position):
    with sqlite_store.read() as db, pytest.raises(BadInput):
        histories.page(db, Stretch(1, "m"), Window(1, after=position))

"""Labels on the real store: only added, read as of a time, the last one known wins once it is mature."""

import numpy as np
from sqlalchemy import func, select

from regie.base.clock import DAY_MS
from regie.data import labels
from regie.data.stated import statements_for
from regie.data.tables import labels as table
from regie.predictions.labels import Predictions, join
from regie.store.change import Store

W, DAY = "flights", DAY_MS


def one(value: object, stated_ms: int, **about: object) -> dict[str, object]:
    return {"prediction_id": None, "key": None, "time_ms": None, "source": "api", "value": value, "stated_ms": stated_ms, **about}


def texts(*values: str | None) -> np.ndarray:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def test_labels_come_back_by_id_and_by_key(store: Store) -> None:
    stated = [one(1, 10, prediction_id="p1"), one(False, 11, key="k2", time_ms=5), one(0.5, 12, prediction_id="p9")]
    assert labels.state(store, W, stated) == 3
    with store.read() as db:
        found = statements_for(db, W, ["p1", "p2"], [None, "k2"], 100)
    assert sorted(found.value.tolist()) == [0.0, 1.0]
    assert set(found.id.tolist()) == {"p1", None}
    assert sorted(found.target_ms.tolist()) == [0, 5]


def test_a_label_stated_later_than_the_time_of_reading_is_not_seen(sqlite_store: Store) -> None:
    labels.state(sqlite_store, W, [one(1, 10, prediction_id="p1"), one(0, 20, prediction_id="p1")])
    with sqlite_store.read() as db:
        assert statements_for(db, W, ["p1"], [None], 15).value.tolist() == [1.0]
        assert len(statements_for(db, W, ["p1"], [None], 20).value) == 2


def test_a_revision_adds_and_the_last_one_known_wins(sqlite_store: Store) -> None:
    labels.state(sqlite_store, W, [one(1, 2 * DAY, prediction_id="p1")])
    labels.state(sqlite_store, W, [one(0, 3 * DAY, prediction_id="p1")])
    predictions = Predictions(texts("p1"), texts(None), np.array([0]))
    with sqlite_store.read() as db:
        assert db.execute(select(func.count()).select_from(table)).scalar() == 2
        for as_of, value in ((2 * DAY, 1.0), (3 * DAY, 0.0)):
            stated = statements_for(db, W, ["p1"], [None], as_of)
            assert join(predictions, stated, as_of, DAY).value.tolist() == [value]


def test_a_label_that_came_early_is_used_only_when_it_would_be_known_whatever_its_value(sqlite_store: Store) -> None:
    labels.state(sqlite_store, W, [one(0, 1, prediction_id="p1")])
    predictions = Predictions(texts("p1"), texts(None), np.array([0]))
    with sqlite_store.read() as db:
        early = statements_for(db, W, ["p1"], [None], DAY - 1)
        assert len(join(predictions, early, DAY - 1, DAY).value) == 0
        ripe = statements_for(db, W, ["p1"], [None], DAY)
        assert join(predictions, ripe, DAY, DAY).value.tolist() == [0.0]


def test_labels_of_another_workspace_are_never_seen(sqlite_store: Store) -> None:
    labels.state(sqlite_store, "other", [one(1, 10, prediction_id="p1")])
    with sqlite_store.read() as db:
        assert len(statements_for(db, W, ["p1"], ["p1"], 100).value) == 0


def test_a_label_that_is_text_counts_by_the_positive_value(sqlite_store: Store) -> None:
    labels.state(sqlite_store, W, [one("late", 10, prediction_id="p1"), one("early", 10, prediction_id="p2")])
    with sqlite_store.read() as db:
        found = statements_for(db, W, ["p1", "p2"], [None, None], 100, positive="late")
    assert dict(zip(found.id.tolist(), found.value.tolist(), strict=True)) == {"p1": 1.0, "p2": 0.0}


def test_thousands_of_predictions_are_asked_for_at_once(sqlite_store: Store) -> None:
    ids = [f"p{n}" for n in range(5_000)]
    assert labels.state(sqlite_store, W, [one(1, 10, prediction_id=name) for name in ids]) == 5_000
    with sqlite_store.read() as db:
        assert len(statements_for(db, W, ids, [None] * len(ids), 100).value) == 5_000


def test_no_statement_is_nothing_to_do(sqlite_store: Store) -> None:
    assert labels.state(sqlite_store, W, []) == 0

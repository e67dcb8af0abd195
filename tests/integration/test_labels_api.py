"""Labels over HTTP: a real server on a real port, predictions delivered as a serving node delivers them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from sqlalchemy import func, select

from regie.app.home import Home, open_home
from regie.app.server import bind, create_app
from regie.base.canonical import sha256
from regie.base.clock import DAY_MS, wall_ms
from regie.data import stated
from regie.data.tables import labels as table
from regie.loop.scene import Scene, scene
from regie.loop.truth import predictions, truth
from regie.predictions.ids import PredictionIds
from regie.predictions.labels import Predictions, join
from regie.predictions.segments import MAGIC, frame
from regie.spec.load import load
from regie.store.tables import workspaces

W = "flights"
DAY0 = 15_000 * DAY_MS
TEXT = """
regie: 1
workspace: flights
data:
  flights:
    source: rows.parquet
    key: id
    time: time
    columns: {x: "float 0..1", late: "bool?"}
    label: {column: late, known_after: 1d}
  stations: {source: rows.parquet}
pipelines: {train: {run: flow:train}}
model: {name: flights, task: binary, gates: [log_loss <= 0.9]}
serve: {rollout: [full]}
"""
TAG = 7


def at(day: float) -> int:
    return DAY0 + int(day * DAY_MS)


class Place:
    """A workspace on a running server, and one serving node that delivers to it."""

    def __init__(self, home: Home, project: Path, url: str) -> None:
        self.home, self.store, self.project = home, home.store, project
        self.http = httpx2.Client(base_url=url, timeout=60)
        self.sent = len(MAGIC)
        self._apply()
        with self.store.read() as db:
            secret = db.execute(select(workspaces.c.secret).where(workspaces.c.name == W)).scalar_one()
        self.ids = PredictionIds(bytes.fromhex(secret), TAG)

    def _apply(self) -> None:
        code = b"no code"
        self.http.put(f"/api/v1/blobs/{sha256(code)}", content=code).raise_for_status()
        (self.project / "regie.yaml").write_text(TEXT)
        (self.project / "flow.py").write_text("")
        body = {"document": load(self.project).to_json(), "root": str(self.project), "code_digest": sha256(code)}
        self.http.put(f"/w/{W}/api/v1/spec", json=body).raise_for_status()

    def state(self, *statements: dict[str, Any]) -> httpx2.Response:
        return self.http.post(f"/w/{W}/api/v1/labels", json={"labels": list(statements)})

    def raw(self, text: str) -> httpx2.Response:
        return self.http.post(
            f"/w/{W}/api/v1/labels", content=text.encode(), headers={"content-type": "application/json"}
        )  # fmt: skip

    def advance(self, to_ms: int) -> None:
        self.sync()
        self.http.post(f"/w/{W}/api/v1/clock/advance", json={"to": to_ms, "timeout_s": 30}).raise_for_status()

    def sync(self, last_id: str = "") -> None:
        """The node says that it has delivered everything up to an id."""
        self.last_id = last_id[:32] or getattr(self, "last_id", "")
        body = {"nonce": "n", "address": "here", "tag": TAG, "flush": wall_ms() + DAY_MS, "last_id": self.last_id}
        self.http.post("/api/v1/nodes/node1/sync", json=body).raise_for_status()

    def deliver(self, prediction_id: str, key: str, time_ms: int, output: float = 0.5) -> None:
        record = {
            "k": "p", "w": W, "e": self.here.serves.endpoint if self.here.serves else "", "rid": "r", "t": time_ms, "wall": 1, "g": 1,
            "v": 1, "r": "champion", "m": "live", "ids": [prediction_id], "keys": [key], "times": [time_ms], "rows": [[0.5]],
            "cols": ["x"], "y": [output], "ms": 1.0,
        }  # fmt: skip
        framed = frame(json.dumps(record).encode())
        first = self.sent == len(MAGIC)
        offset, body = (0, MAGIC + framed) if first else (self.sent, framed)
        answer = self.http.post("/api/v1/nodes/node1/segments/1", params={"offset": offset}, content=body)
        assert (answer.status_code, answer.json()["next"]) == (200, self.sent + len(framed))
        self.sent += len(framed)
        self.sync(prediction_id)

    @property
    def here(self) -> Scene:
        found = scene(self.store, self.home.predictions, W)
        assert found is not None
        return found

    def truths(self) -> dict[str, float]:
        """Of the delivered predictions that have a label by now: key to label."""
        rows = predictions(self.here, 0, at(1000), ("id", "key", "target_ms"))
        keys, targets = rows["key"].to_pylist(), np.array(rows["target_ms"].to_pylist(), np.int64)
        with self.store.read() as db:
            found = truth(self.here, db, rows["id"].to_pylist(), keys, targets)
        return {keys[row]: label for row, label in zip(found.rows, found.label.tolist(), strict=True) if label == label}

    def truth_as_of(self, prediction_id: str, key: str, time_ms: int, as_of_ms: int) -> list[float]:
        ids, keys = np.array([prediction_id], object), np.array([key], object)
        with self.store.read() as db:
            found = stated.statements_for(db, W, [prediction_id], [key], as_of_ms, True)
        return join(Predictions(ids, keys, np.array([time_ms])), found, as_of_ms, DAY_MS).value.tolist()

    def count(self) -> int:
        with self.store.read() as db:
            return int(db.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One place for many tests that leave nothing behind."""
    with opened(tmp_path_factory.mktemp("kept")) as made:
        yield made


@contextmanager
def opened(tmp_path: Path) -> Iterator[Place]:
    home = open_home(tmp_path / "home", replay_from_ms=DAY0)
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(create_app(home), log_level="warning", access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        (tmp_path / "project").mkdir()
        made = Place(home, tmp_path / "project", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield made
        made.http.close()
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        home.store.database.close()


def test_a_label_for_an_id_that_was_never_given_out_is_refused_with_its_whole_batch(kept: Place) -> None:
    good = kept.ids.new()
    forged = kept.ids.new()[:32] + "0" * 16
    for wrong in (forged, "nonsense", PredictionIds(b"another workspace", TAG).new()):
        answer = kept.state({"prediction_id": good, "value": True}, {"prediction_id": wrong, "value": True})
        assert (answer.status_code, answer.json()["code"]) == (404, "prediction.unknown")
    assert kept.count() == 0


def test_a_label_that_comes_before_its_prediction_waits_and_is_then_counted(place: Place) -> None:
    place.sync()
    early = place.ids.new()
    answer = place.state({"prediction_id": early, "value": True})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "waiting": 1})
    assert place.truths() == {}
    place.deliver(early, "k1", at(0.5))
    place.advance(at(2))
    assert place.truths() == {"k1": 1.0}
    assert place.state({"prediction_id": early, "value": True}).status_code == 200


def test_a_label_by_key_and_time_meets_its_prediction_and_no_other(place: Place) -> None:
    place.deliver(place.ids.new(), "k1", at(0.5))
    place.deliver(place.ids.new(), "k2", at(0.5))
    place.advance(at(2))
    answer = place.state({"key": "k1", "time_ms": at(0.5), "value": False}, {"key": "k2", "time_ms": at(0.6), "value": True})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "waiting": 0})
    assert place.truths() == {"k1": 0.0}


def test_a_revision_wins_from_its_time_on_and_an_earlier_time_still_sees_the_former_label(place: Place) -> None:
    one = place.ids.new()
    place.deliver(one, "k1", at(0.5))
    place.advance(at(2))
    place.state({"prediction_id": one, "value": True}).raise_for_status()
    place.advance(at(3))
    place.state({"key": "k1", "time_ms": at(0.5), "value": False}).raise_for_status()  # by another name: it is the same truth
    assert place.truths() == {"k1": 0.0}
    assert place.truth_as_of(one, "k1", at(0.5), at(3) - 1) == [1.0]
    assert place.truth_as_of(one, "k1", at(0.5), at(3)) == [0.0]


def test_a_label_for_an_unknown_key_is_stored_and_harms_nothing(place: Place) -> None:
    place.deliver(place.ids.new(), "k1", at(0.5))
    place.advance(at(2))
    assert place.state({"key": "nobody", "time_ms": at(0.5), "value": True}).status_code == 200
    assert (place.count(), place.truths()) == (1, {})
    place.advance(at(3))  # the turns came to rest


def test_a_batch_holds_fifty_thousand_statements_and_not_one_more(place: Place) -> None:
    many = [{"key": str(n), "time_ms": at(0), "value": n % 2} for n in range(50_001)]
    assert place.state(*many).status_code == 422
    assert place.count() == 0
    answer = place.state(*many[:-1])
    assert (answer.status_code, answer.json()["accepted"], place.count()) == (200, 50_000, 50_000)


@pytest.mark.parametrize("wrong", [
    {"value": 2}, {"value": 0.5}, {"value": "yes"}, {"value": None}, {"value": [1]}, {"value": 10**400},
    {"value": True, "key": "k" * 501}, {"value": True, "key": "a\0b"}, {"value": True, "source": "s" * 129},
    {"value": True, "time_ms": -1}, {"value": True, "time_ms": None}, {"value": True, "stated_ms": 1 << 60},
])  # fmt: skip
def test_a_label_that_cannot_be_one_is_refused_with_its_place_and_nothing_is_stored(kept: Place, wrong: dict[str, Any]) -> None:
    good = {"key": "k1", "time_ms": at(0), "value": True}
    answer = kept.state(good, good | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "input.invalid")
    assert "1" in answer.json()["where"]
    assert kept.count() == 0


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", '"\\ud800"'])
def test_what_json_can_write_and_no_database_can_keep_is_refused(kept: Place, word: str) -> None:
    answer = kept.raw('{"labels": [{"key": "k1", "time_ms": 5, "value": ' + word + "}]}")
    assert answer.status_code == 422
    assert kept.count() == 0


def write_rows(place: Place, late: list[bool], days: list[float]) -> None:
    times = pa.array([at(day) for day in days], pa.timestamp("ms", "UTC"))
    rows = {"id": [f"k{n}" for n in range(len(late))], "time": times, "x": [0.5] * len(late), "late": late}
    pq.write_table(pa.table(rows), place.project / "rows.parquet")


def test_a_dataset_states_its_mature_labels_once_and_its_revisions(place: Place) -> None:
    for key, day in (("k0", 0.5), ("k1", 1.5)):
        place.deliver(place.ids.new(), key, at(day))
    place.advance(at(2))
    write_rows(place, [True, True], [0.5, 1.5])
    ask = f"/w/{W}/api/v1/datasets/flights/labels"
    assert place.http.post(ask).json() == {"stated": 1, "revised": 0, "unchanged": 0}
    assert place.http.post(ask).json() == {"stated": 0, "revised": 0, "unchanged": 1}
    assert place.truths() == {"k0": 1.0}
    place.advance(at(3))
    write_rows(place, [False, True], [0.5, 1.5])
    assert place.http.post(ask).json() == {"stated": 1, "revised": 1, "unchanged": 0}
    assert place.truths() == {"k0": 0.0, "k1": 1.0}


def test_a_dataset_that_is_not_there_or_has_no_label_says_so(kept: Place) -> None:
    unknown = kept.http.post(f"/w/{W}/api/v1/datasets/weather/labels")
    assert (unknown.status_code, "flights" in unknown.json()["do"]) == (404, True)
    unlabelled = kept.http.post(f"/w/{W}/api/v1/datasets/stations/labels")
    assert (unlabelled.status_code, "no label" in unlabelled.json()["what"]) == (422, True)
    missing = kept.http.post(f"/w/{W}/api/v1/datasets/flights/labels")  # its file is not there yet
    assert (missing.status_code, "rows.parquet" in missing.json()["what"]) == (404, True)
    assert kept.count() == 0

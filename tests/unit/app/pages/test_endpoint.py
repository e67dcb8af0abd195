"""The endpoint page's answer: what answers, how fast, and a form made from the champion's signature; on a real store and log."""

import json

import pytest

from regie.app import node_calls
from regie.app.pages import endpoint
from regie.app.pages.recent import Recent
from regie.base.clock import DAY_MS, HOUR_MS
from regie.registry.tables import model_versions
from regie.runtime.manifest import pack
from regie.store import actors, nodes
from regie.store.types import LOCAL
from tests.support.page_place import Asked
from tests.support.place import NOW, record
from tests.support.releases import released

MANY = [f"v{number}" for number in range(600)]
SIGNATURE = [
    {"name": "a", "type": "float", "nullable": True},
    {"name": "kind", "type": "str", "nullable": False, "categories": ["x", "<b>y</b>"]},
    {"name": "many", "type": "str", "nullable": False, "categories": MANY},
    {"name": "at", "type": "time", "nullable": False},
]


def package(folder, blobs):
    """One whose columns are as above, checked with one row."""
    folder.mkdir()
    facts = {"format": 1, "signature": SIGNATURE, "checks": [[[0.25, "x", "v1", 1_000], 0.5]]}
    (folder / "regie.json").write_text(json.dumps(facts))
    return pack(folder, blobs)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    made = Asked(tmp_path_factory.mktemp("home"))
    released(made.place)
    digest = package(tmp_path_factory.mktemp("package") / "p", made.home.store.blobs)
    with made.place.under("train", "model.register") as tx:
        tx.execute(model_versions.update().values(package=digest))
    made.keep()
    return made


@pytest.fixture
def asked(kept, monkeypatch):
    """Version 1 is champion; nothing is logged yet, and no node can be asked."""
    monkeypatch.setattr(endpoint, "_TRAFFIC", Recent())
    monkeypatch.setattr(endpoint, "_HEALTH", Recent())
    kept.begin()
    return kept


def page(asked, token="", **query):
    answer = asked.get("pages/endpoint", token, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_was_asked_is_counted_in_slots_with_its_latencies(asked):
    asked.place.log([record(n, NOW - HOUR_MS + n, 1, ms=5.0, rows=[[0.75]]) for n in range(40)])
    said = page(asked, last="24h")["traffic"]
    assert (said["felt"]["requests"], said["felt"]["p95"]) == (40, pytest.approx(5.0, rel=0.02))
    assert len(said["felt_p95"]) == said["slots"] <= 97
    assert said["from_ms"] <= NOW - DAY_MS
    assert said["to_ms"] > NOW


def test_the_form_has_a_field_for_each_column_filled_in_with_the_newest_row(asked):
    asked.place.log([record(n, NOW - HOUR_MS + n, 1, rows=[[n / 2]]) for n in range(4)])
    form = page(asked)["form"]
    fields = {one["name"]: one for one in form["fields"]}
    assert [one["name"] for one in form["fields"]] == ["a", "kind", "many", "at"]
    assert (fields["a"]["value"], fields["a"]["source"], fields["a"]["nullable"]) == (1.5, "asked", True)
    assert (fields["kind"]["value"], fields["kind"]["source"]) == ("x", "checked")
    assert fields["kind"]["categories"] == ["x", "<b>y</b>"]
    assert (fields["many"]["categories"], fields["many"]["known"]) == (None, 600)


def test_rows_that_were_asked_are_shown_to_those_who_may_ask(asked):
    asked.place.log([record(1, NOW - HOUR_MS, 1)])
    with asked.home.store.change(LOCAL, "actor.add", "vera", workspace="loop") as tx:
        token = actors.add(tx, "vera", ["viewer"])
    form = page(asked, token)["form"]
    assert form["act"]["why"]["code"] == "no_right"
    assert {one["value"] for one in form["fields"]} == {None}
    assert asked.post("endpoint/try", {"row": {"a": 1.0}}, token).status_code == 403


def test_a_node_at_another_machines_address_is_never_asked(asked):
    asked.place.node(loop=1)
    said = page(asked)
    assert [(one["state"], one["processes"]) for one in said["nodes"]] == [("serving", None)]
    answer = asked.post("endpoint/try", {"row": {"a": 1.0}})
    assert (answer.status_code, answer.json()["code"]) == (502, "node.away")
    for address in ("http://169.254.169.254:80", "https://127.0.0.1:1", "http://127.0.0.1", "file:///etc/passwd", "http://[::1"):
        with pytest.raises(node_calls.NodeAway, match="address"):
            node_calls.health(nodes.Node("n", 1, address, 0, {}, {}, "", 0, {}))


def test_without_a_live_node_the_form_says_so_and_nothing_can_be_tried(asked):
    with asked.home.store.machinery() as batch:
        batch.execute(nodes.nodes.delete())
    assert page(asked)["form"]["act"]["why"]["code"] == "endpoint.no_node"
    assert asked.post("endpoint/try", {"row": {}}).status_code == 409


@pytest.mark.parametrize("row", [{"a": "x" * 10_001}, {"a": [1]}, {str(n): 1 for n in range(2_001)}])
def test_a_row_that_is_too_large_is_refused_before_any_node_sees_it(asked, row):
    assert asked.post("endpoint/try", {"row": row}).status_code == 422

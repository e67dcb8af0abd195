import copy
import json

import pytest

from regie.serving import routefile
from regie.serving.errors import BadRoute, NotOurs
from regie.serving.files import BrokenFile

KEY = bytes.fromhex("cd" * 32)
GOOD = {
    "format": 1, "workspace": "flights", "clock": "driven", "mac_key": "ab" * 32,
    "endpoints": {"flights": {
        "generation": 7, "model": "flights", "key": ["id"], "time": "time", "deadline_ms": 500,
        "signature": [{"name": "carrier", "type": "str", "nullable": False}],
        "variants": [
            {"version": 3, "package": "sha256:a", "path": "packages/a", "mode": "live", "share": 0.9, "role": "champion"},
            {"version": 4, "package": "sha256:b", "path": "packages/b", "mode": "live", "share": 0.1, "role": "challenger"},
            {"version": 3, "package": "sha256:a", "path": "packages/a", "mode": "shadow", "role": "champion", "only": "challenger"},
        ],
    }},
}  # fmt: skip


def changed(*path, value):
    data = copy.deepcopy(GOOD)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


def test_the_page_of_the_route_file_is_read_as_it_is_written():
    file = routefile.parse(GOOD)
    one = file.endpoints["flights"]
    assert (file.clock, one.generation, one.key, one.time, one.deadline_ms) == ("driven", 7, ("id",), "time", 500)
    assert (one.champion.version, one.champion.share, one.variants[2].only) == (3, 0.9, "challenger")
    assert (one.workspace, one.mac_key) == ("flights", bytes.fromhex("ab" * 32))


def test_endpoints_of_several_workspaces_bring_their_own_key():
    data = changed("endpoints", "flights", "workspace", value="other")
    assert routefile.parse(data).endpoints["flights"].workspace == "other"


E = ("endpoints", "flights")


@pytest.mark.parametrize(("path", "value", "says"), [
    (("format",), 2, "format"),
    (("clock",), "sun", "sun"),
    (("mac_key",), "xy", "hexadecimal"),
    (("endpoints",), [], "object"),
    ((*E, "generation"), "7", "generation"),
    ((*E, "generation"), True, "generation"),
    ((*E, "variants"), None, "variants"),
    ((*E, "key"), "id", "key"),
    ((*E, "time"), 3, "time"),
    ((*E, "signature"), [{"name": "a", "type": "cat"}], "not a column"),
    ((*E, "variants", 0, "share"), 0.8, "sum to 1"),
    ((*E, "variants", 0, "share"), -0.9, "share"),
    ((*E, "variants", 0, "role"), "king", "king"),
    ((*E, "variants", 1, "role"), "champion", "exactly one"),
    ((*E, "variants", 0, "path"), "/etc", "leads out"),
    ((*E, "variants", 0, "path"), "packages/../../x", "leads out"),
])  # fmt: skip
def test_what_is_wrong_is_named_and_where(path, value, says):
    with pytest.raises(BadRoute) as refused:
        routefile.parse(changed(*path, value=value))
    assert says in refused.value.what


def test_an_endpoint_without_variants_has_no_champion():
    assert routefile.parse(changed(*E, "variants", value=[])).endpoints["flights"].champion is None


def test_a_file_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path):
    path = tmp_path / "routes.json"
    assert routefile.read(path, KEY) is None
    routefile.write(path, GOOD, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadRoute):
        routefile.write(path, changed("format", value=2), KEY)
    assert json.loads(path.read_text()) == GOOD | {"seal": routefile.seal(GOOD, KEY)}
    assert routefile.read(path, KEY) == routefile.parse(GOOD)
    assert [one.name for one in tmp_path.iterdir()] == ["routes.json"]


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "routes.json").write_text("{")
    with pytest.raises(BrokenFile) as broken:
        routefile.read(tmp_path / "routes.json", KEY)
    assert "routes.json" in broken.value.where


@pytest.mark.parametrize("edit", [
    lambda data: data["endpoints"]["flights"]["variants"][0].update(version=4),
    lambda data: data["endpoints"]["flights"]["variants"][0].update(package="sha256:evil"),
    lambda data: data["endpoints"]["flights"]["variants"][0].update(path="packages/b"),
    lambda data: data["endpoints"]["flights"].update(generation=8),
    lambda data: data.update(now_ms=1),
    lambda data: data.update(seal=""),
    lambda data: data.update(seal=None),
    lambda data: data.update(seal="\u00e9" * 64),
    lambda data: data.update(seal=routefile.seal(data, b"another key")),
    lambda data: data.pop("seal"),
])  # fmt: skip
def test_a_file_that_was_edited_bears_no_seal_of_this_node(tmp_path, edit):
    path = tmp_path / "routes.json"
    routefile.write(path, GOOD, KEY)
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    with pytest.raises(NotOurs) as refused:
        routefile.read(path, KEY)
    assert "seal" in refused.value.what


def test_the_seal_is_of_what_the_file_says_not_of_how_it_is_written(tmp_path):
    path = tmp_path / "routes.json"
    routefile.write(path, GOOD, KEY)
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items())), indent=7))
    assert routefile.read(path, KEY) == routefile.parse(GOOD)

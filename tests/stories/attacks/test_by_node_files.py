"""With the files of a serving node."""

import json
import shutil

import httpx2
import pytest

from regie.base.blobs import BlobStore
from regie.runtime.manifest import unpack
from tests.support.platform import midnight, until
from tests.support.siege import FAILED, GOOD, NAME


@pytest.fixture
def serve(siege):
    return siege.world.platform.home / "serve"


@pytest.fixture
def world(siege):
    return siege.world


@pytest.fixture
def answers_as_before(world):
    """Version 1 answers with its own figures, before and after; champion and route stay."""
    before, route = answer(world), world.client.status()["route"]
    yield
    until(lambda: answer(world) == before, "version 1 answers again")
    after = world.client.status()
    assert (after["champion"]["version"], after["route"]["variants"]) == (GOOD, route["variants"])
    assert world.client.audit.verify()["verified"] is True


def answer(world):
    """What users get for one row; the status alone where there is no answer."""
    record = {"id": "r1", "time": midnight(world.day), "a": 1.0, "b": -0.5}
    try:
        got = world.asks.post(f"/endpoints/{NAME}/invocations", json={"dataframe_records": [record]})
    except httpx2.TransportError:
        return 0
    return (got.json()["version"], got.json()["predictions"]) if got.status_code == 200 else got.status_code


def package(world, number):
    return next(one["package"] for one in world.client.models.show(NAME)["versions"] if one["version"] == number)


def unpacked(world, digest, folder):
    blobs = BlobStore(world.platform.home / "blobs")
    unpack(json.loads(blobs.get(digest)), blobs.path, folder)
    return folder


def restarted(world):
    world.platform.kill("serve")
    world.platform.begin("serve")


def refusals(world, action):
    return [one["target"] for one in world.client.audit.records() if (one["result"], one["action"]) == ("refused", action)]


def forged(world, serve):
    """A route file that names the refused version, whose package lies ready under its digest."""
    digest = package(world, FAILED)
    path = f"packages/{digest.replace(':', '-')}"
    if not (serve / path).exists():
        unpacked(world, digest, serve / path)
    data = json.loads((serve / "routes.json").read_text())
    data["endpoints"][NAME]["generation"] = 99
    data["endpoints"][NAME]["variants"] = [
        {"version": FAILED, "package": digest, "path": path, "role": "champion", "mode": "live", "share": 1.0}
    ]
    return data


def test_a_forged_route_file_while_the_control_plane_is_dead(world, serve, answers_as_before):
    """Nothing answers by it, not even for the moment until the control plane speaks."""
    data = forged(world, serve)
    world.platform.kill("server")
    world.platform.kill("serve")
    (serve / "routes.json").write_text(json.dumps(data))
    world.platform.begin("serve")
    assert answer(world) == 503
    assert json.loads((serve / "routes.json.broken").read_text()) == data
    assert "somebody else wrote or edited it" in world.platform.log("serve")
    world.platform.begin("server")
    until(lambda: any("seal" in one for one in refusals(world, "route.change")), "the refusal is audited")


def test_a_forged_route_file_while_the_node_runs(world, serve, answers_as_before):
    (serve / "routes.json").write_text(json.dumps(forged(world, serve)))
    assert answer(world)[0] == str(GOOD)


def test_an_edited_package_in_the_nodes_cache(world, serve, answers_as_before):
    folder = serve / "packages" / package(world, GOOD).replace(":", "-")
    shutil.rmtree(folder)
    unpacked(world, package(world, FAILED), folder)
    assert answer(world)[0] == str(GOOD)  # it was read when it was opened
    restarted(world)
    said = f"{folder.name}: somebody changed it"
    until(lambda: any(said in one for one in refusals(world, "package.change")), "the refusal is audited")
    assert "somebody changed it" in world.platform.log("serve")


def test_an_edited_blob_behind_a_package(world, serve, answers_as_before):
    """The node fetches what its control plane has, and refuses what is not what its digest says: better no answer than that one."""
    blobs = BlobStore(world.platform.home / "blobs")
    manifest = json.loads(blobs.get(package(world, GOOD)))
    evil = json.loads(blobs.get(package(world, FAILED)))
    name = next(name for name, file in manifest.items() if file != evil[name] and name.endswith(".pkl"))
    target = blobs.path(manifest[name]["digest"])
    kept = target.read_bytes()
    target.write_bytes(blobs.get(evil[name]["digest"]))
    try:
        shutil.rmtree(serve / "packages" / package(world, GOOD).replace(":", "-"))
        restarted(world)
        until(lambda: any("has not the digest" in one for one in refusals(world, "package.change")), "the refusal is audited")
        assert answer(world) == 503
    finally:
        target.write_bytes(kept)


def test_a_key_of_the_seal_that_others_could_read(world, serve, answers_as_before):
    before = json.loads((serve / "node.json").read_text())
    (serve / "node.json").chmod(0o644)
    restarted(world)
    after = json.loads((serve / "node.json").read_text())
    assert (after["id"], after["key"] != before["key"]) == (before["id"], True)
    assert (serve / "node.json").stat().st_mode & 0o077 == 0
    assert "could be read by others" in world.platform.log("serve")

"""The blobs over HTTP, for a task and its token."""

import httpx2

from regie.base.canonical import sha256
from regie.store import tokens


def as_task(world, scope):
    with world.store.machinery() as batch:
        token = tokens.issue(batch, "task:x", "task", scope)
    return httpx2.Client(base_url=world.url, headers={"authorization": f"Bearer {token}"}, trust_env=False)


def test_a_task_fetches_its_inputs_and_nothing_else(world):
    mine, other = world.store.blobs.put(b"mine"), world.store.blobs.put(b"not mine")
    with as_task(world, f"blob:{mine} put:*") as http:
        assert http.get(f"/api/v1/blobs/{mine}").content == b"mine"
        refused = http.get(f"/api/v1/blobs/{other}")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert http.get("/api/v1/blobs/sha256:nothing").status_code == 403
    with httpx2.Client(base_url=world.url, headers={"authorization": "Bearer made-up"}, trust_env=False) as http:
        assert http.get(f"/api/v1/blobs/{mine}").status_code == 401


def test_what_a_task_stores_must_have_the_digest_that_it_says(world):
    with as_task(world, "put:*") as http:
        digest = sha256(b"content")
        assert http.put(f"/api/v1/blobs/{digest}", content=b"other").status_code == 422
        assert not world.store.blobs.has(digest)
        assert http.put(f"/api/v1/blobs/{digest}", content=b"content").status_code == 201
        assert http.put(f"/api/v1/blobs/{digest}", content=b"content").status_code == 200
    with as_task(world, "run:x") as http:
        assert http.put(f"/api/v1/blobs/{sha256(b'y')}", content=b"y").status_code == 403


def test_what_a_power_cut_left_half_is_whole_once_a_task_has_stored_it_again(world):
    digest = world.store.blobs.put(b"whole")
    for content in (b"whole", iter([b"wh", b"ole"])):
        world.store.blobs.path(digest).write_bytes(b"")
        with as_task(world, "put:*") as http:
            assert http.put(f"/api/v1/blobs/{digest}", content=content).status_code == 201
        assert world.store.blobs.get(digest) == b"whole"


def test_a_large_blob_streams_both_ways(world):
    pieces = [bytes([number]) * 1_000_000 for number in range(20)]
    digest = sha256(b"".join(pieces))
    with as_task(world, f"put:* blob:{digest}") as http:
        assert http.put(f"/api/v1/blobs/{digest}", content=iter(pieces)).status_code == 201
        assert sha256(http.get(f"/api/v1/blobs/{digest}").content) == digest
    assert list(world.store.blobs.temporary.iterdir()) == []

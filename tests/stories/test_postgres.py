"""The same loop on PostgreSQL: a release, a promotion through a canary, and a proof of it."""

from tests.support.platform import made, released, running


def test_a_version_is_released_and_another_one_promoted_on_postgresql(tmp_path, postgres_url):
    with running(tmp_path, REGIE_DATABASE=postgres_url, REGIE_LEASE_MS="2000") as platform:
        assert not (platform.home / "regie.db").exists()
        world = released(platform, "pg", made(40, 40), rollout="canary 40% for 1d, full, watch 1d")
        assert world.client.info()["database"] == "postgresql"
        world.live()
        world.train()
        world.live_until(lambda: world.champion() == 2 and not world.stage(), "the promotion", 6)
        assert world.failures == []
        chain = [line["type"] for line in world.client.why("pg@champion")["lines"]]
        assert chain[0] == "champion.crowned"
        assert chain[-1] == "run.finished"
        assert world.client.audit.verify()["verified"] is True
        assert set(world.ids.values()) <= set(world.logged()["id"].to_pylist())
        world.close()

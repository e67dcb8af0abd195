"""Two machines on one PostgreSQL, each with a server and a worker; one of them dies: the other one goes on after its leases."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from regie.app.invariants import broken
from regie.store.database import Database
from tests.support.platform import Platform, Process, free_ports, made, released, until

RUNS = 4
pytestmark = pytest.mark.chaos  # six processes


class Two(Platform):
    """Machine 1 has `server`, `worker`; machine 2 has `server-2`, `worker-2` and serve. They share the folder of their home."""

    def __init__(self, folder, **environ):
        super().__init__(folder, **environ)
        (port,) = free_ports(1)
        self.second = f"http://127.0.0.1:{port}"
        instead = {str(self.port): str(port), self.address: self.second}
        for name in ("server", "worker"):
            words = [instead.get(word, word) for word in self.processes[name].words]
            self.processes[f"{name}-2"] = Process(words, folder / f"{name}-2.log", self.environ)
        serve = self.processes["serve"]
        self.processes["serve"] = replace(serve, words=[instead.get(word, word) for word in serve.words])

    def start(self):
        self.begin("server")
        self.begin("worker")
        self.processes["server-2"].start()
        until(lambda: self._answers("server-2", self.second), "the second server answers")
        self.processes["worker-2"].start()
        self.begin("serve")

    def stop(self):
        for name in ("serve", "worker-2", "worker", "server-2", "server"):
            self.processes[name].end()


@pytest.fixture
def database(postgres_url):
    made = Database(postgres_url)
    yield made
    made.close()


def led(database):
    """How often the lead of the turns was taken or kept."""
    with database.read() as db:
        return db.execute(text("SELECT fence FROM leases WHERE name = 'turns'")).scalar()


def test_two_servers_and_two_workers_disturb_no_task_have_one_leader_and_the_other_takes_over(tmp_path, postgres_url, database):
    platform = Two(tmp_path, REGIE_DATABASE=postgres_url, REGIE_LEASE_MS="5000")
    try:
        platform.start()
        world = released(platform, "two", made(40, 30))
        ids = [world.client.pipelines.run("train", {"sleep": 0.1 * number})["run_id"] for number in range(RUNS)]
        world.settle()
        with database.read() as db:
            jobs = db.execute(text("SELECT state, attempts, fence FROM jobs")).all()
        assert {tuple(one) for one in jobs} == {("done", 1, 1)}
        assert {world.client.runs.show(one)["state"] for one in ids} == {"finished"}
        last = world.client.pipelines.run("train", {"sleep": 3.0})["run_id"]
        until(lambda: [one for one in world.client.runs.show(last)["tasks"] if one["state"] == "running"], "the step runs")
        platform.kill("server")
        platform.kill("worker")
        kept = led(database)
        until(lambda: led(database) > kept + 1, "the second server leads")
        platform.address = platform.second
        world.client.close()
        world.client = platform.client("two")
        world.live()
        assert world.client.runs.show(last)["state"] == "finished"
        assert world.failures == []
        assert broken(database, platform.home) == []
        world.close()
    finally:
        platform.stop()

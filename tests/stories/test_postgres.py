"""The same loop on PostgreSQL: a release, a promotion through a canary, a proof of it; and every page says the same on both databases."""

import asyncio
from contextlib import closing

import httpx2
import psycopg
import pytest
from sqlalchemy import insert, select

from regie.app import server
from regie.app.home import open_home
from regie.app.policy import OWN
from regie.app.schema import metadata
from regie.store.database import Database
from tests.support import asking, measured_runs
from tests.support.place import Place
from tests.support.platform import made, released, running

PAGES = [path for method, path in OWN if method == "GET" and path.startswith("/api/v1/pages/")]
DRIFT = "log_loss <= champion_at_release * 1.3 over 7d]\n  drift: [{features: top 2, over: 1d, breach: 2 of 3}"
QUESTIONS = {  # of each page that asks for something
    "search": "q=pg", "runs/news": "since=1", "runs/columns": "kind=metric", "pipeline-run/{run_id}/task": "name=fit",
    "monitors/distribution": "monitor={monitor}&feature=a&window={window}", "artifacts": "place={place}",
    "artifact": "place={place}/page.html",
    "artifact/shown": "place={place}/page.html", "compare": "runs={measured},{other}", "compare/code": "reference={run_id}&run={last}",
    "curves": "runs={measured},{other}&metric=log_loss",
}  # fmt: skip
NOW = ("wall_ms", "now_wall_ms")  # of the machine, when it was asked


@pytest.fixture(scope="module")
def world(tmp_path_factory, postgres_server):
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE regie_story")
    url = postgres_server.rsplit("/", 1)[0] + "/regie_story"
    with running(tmp_path_factory.mktemp("pg"), REGIE_DATABASE=url, REGIE_LEASE_MS="2000") as platform:
        found = released(platform, "pg", made(40, 52), rollout="canary 40% for 1d, full, watch 1d", quality=DRIFT)
        found.url = url
        yield found
        found.close()


def test_a_version_is_released_and_another_one_promoted_on_postgresql(world):
    assert not (world.platform.home / "regie.db").exists()
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


class Both:
    """The home of the story on its PostgreSQL, and the same rows on SQLite, each asked by its own application."""

    def __init__(self, world, folder):
        self.homes = [open_home(world.platform.home, url=url) for url in (world.url, f"sqlite:///{folder / 'copy.db'}")]
        store = self.homes[0].store
        self.measured, self.other = measured_runs.fill(store, "pg", measured_runs.experiment(store, "pg", "search"), 9)[-2:]
        self.facts = self.of_story(world) | {"measured": self.measured, "other": self.other, "version": "loop@1"}
        world.platform.stop()  # from here on nothing changes
        approvals = asking.made(Place(store, world.platform.home), asking.ASKS)
        asking.passed(approvals)
        asking.turn(approvals)
        copy(*(one.store.database for one in self.homes))
        self.apps = [server.create_app(one) for one in self.homes]

    def of_story(self, world):
        runs = world.client.runs.list(state="finished")
        with world.platform.http("pg") as http:
            monitor = next(one for one in http.get("/api/v1/pages/monitors").json()["monitors"] if one["kind"] == "drift")
            run = http.get(f"/api/2.0/mlflow/runs/get?run_id={self.measured}").json()["run"]["info"]
            place = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
            answer = http.put(f"/api/2.0/mlflow-artifacts/artifacts/{place}/page.html", content=b"<b>words</b>")
            assert answer.status_code == 200, answer.text
        return {
            "name": "pg", "dataset": "rows", "run_id": runs[0]["run_id"], "last": runs[-1]["run_id"], "place": place,
            "rollout_id": world.client.rollouts.list()[0]["id"], "identity": world.events("champion.crowned")[-1]["id"],
            "monitor": monitor["name"], "window": monitor["windows"][-1]["to_ms"],
        }  # fmt: skip

    def ask(self, app, address):
        async def ask():
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700", trust_env=False) as client:
                return await client.get(address)

        return asyncio.run(ask())

    def close(self):
        for one in self.homes:
            one.store.database.close()


def copy(source: Database, target: Database):
    with source.read() as one, target.write() as other:
        for table in reversed(metadata.sorted_tables):
            other.execute(table.delete())
        for table in metadata.sorted_tables:
            if rows := [dict(row) for row in one.execute(select(table)).mappings()]:
                other.execute(insert(table), rows)


@pytest.fixture(scope="module")
def both(world, tmp_path_factory):
    with closing(Both(world, tmp_path_factory.mktemp("both"))) as found:
        yield found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_the_same_on_both_databases(both, page):
    name = page.removeprefix("/api/v1/pages/")
    path = page.format(**both.facts | ({"run_id": both.measured} if name.startswith("runs/") else {}))
    address = f"/w/{'loop' if name == 'review/{version}' else 'pg'}{path}?{QUESTIONS.get(name, '').format(**both.facts)}"
    answers = [both.ask(app, address) for app in both.apps]
    assert [one.status_code for one in answers] == [200, 200], answers[0].text + answers[1].text
    first, second = (said(one) for one in answers)
    assert first == second


def said(answer):
    """What a page says, but for the moment at which it was asked."""
    if not answer.headers["content-type"].startswith("application/json"):
        return answer.text
    return without_now(answer.json())


def without_now(one):
    if isinstance(one, dict):
        return {name: without_now(value) for name, value in one.items() if name not in NOW}
    return [without_now(value) for value in one] if isinstance(one, list) else one

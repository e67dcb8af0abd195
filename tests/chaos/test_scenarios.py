"""Single blows to one running home: a full disk, a clock set back by an hour, a newer program in the middle of a rollout."""

import resource
import sqlite3
from contextlib import closing

import httpx2
import pytest

from regie.app import migrate
from regie.app.invariants import broken
from regie.base.clock import HOUR_MS
from regie.store.database import Database
from tests.support.platform import made, released, running
from tests.support.stream import Reader

ROLLOUT = "canary 40% for 3d, full, watch 1d"
AHEAD = {  # what the machine's clock wrote of times to come, or compares with now
    "jobs": ("run_at_ms", "lease_until_ms"), "leases": ("until_ms",), "nodes": ("seen_wall_ms", "flush"), "settling": ("flush",),
    "tokens": ("until_wall_ms",),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A canary runs."""
    with running(tmp_path_factory.mktemp("scenarios"), REGIE_LEASE_MS="2000") as platform:
        found = released(platform, "one", made(60, 30), rollout=ROLLOUT, gates="log_loss <= champion + 0.5")
        found.live()
        found.train()
        found.live_until(lambda: found.stage() == "canary", "the canary", 4)
        yield found
        found.close()


def invariants(platform):
    database = Database(f"sqlite:///{platform.home / 'regie.db'}")
    try:
        return broken(database, platform.home)
    finally:
        database.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of another process's files is Linux's")
def test_a_full_disk_is_said_keeps_nothing_half_and_is_over_when_there_is_room(world):
    """A limit on the size of files stands for the disk: what would grow beyond it is refused by the system, like on a full one."""
    platform = world.platform
    pids = {name: platform.processes[name].popen.pid for name in ("server", "serve")}
    log = max((platform.home / "serve" / "log").glob("*.seg"))
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(pids["server"], resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    resource.prlimit(pids["serve"], resource.RLIMIT_FSIZE, (log.stat().st_size + 2_000, resource.RLIM_INFINITY))
    rows = [int(row) for row in world.data.of_day(world.day)]
    try:
        with platform.http("one") as http:
            change = http.post("/api/2.0/mlflow/experiments/create", json={"name": "no room"})
            label = http.post("/api/v1/labels", json={"labels": [{"key": "r1", "time_ms": 1, "value": True}]})
        statuses = [world.ask(row) for row in rows]
    finally:
        for pid in pids.values():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    for answer in (change, label):
        assert (answer.status_code, "the disk is full" in answer.text) == (507, True), answer.text
    assert statuses[-1] == 507
    assert "full" in world.failures[-1]
    world.failures.clear()
    assert platform.rows("SELECT * FROM experiments WHERE name = 'no room'") == []
    with platform.http("one") as http:
        assert http.post("/api/2.0/mlflow/experiments/create", json={"name": "room"}).status_code == 200
    assert [world.ask(row) for row in rows] == [200] * len(rows)
    world.day += 1
    world.settle()
    assert set(world.ids.values()) <= set(world.logged()["id"].to_pylist())
    assert invariants(platform) == []


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of another process's files is Linux's")
def test_on_a_full_disk_pages_are_read_signing_in_and_acting_are_refused_whole_and_a_stream_goes_on(world):
    platform, rollout, run = world.platform, world.client.status()["rollout"]["id"], world.client.runs.list()[0]["run_id"]
    acts = {"pause": (f"/api/v1/rollouts/{rollout}/pause", {"reason": "x"}), "again": (f"/api/v1/runs/{run}/again", {})}
    pid, page = platform.processes["server"].popen.pid, {"origin": platform.address, "sec-fetch-site": "same-origin"}
    kept = ("session_codes", "sessions", "audit_records", "events", "pipeline_runs", "jobs")

    def counted():
        return {table: platform.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"] for table in kept}

    with platform.http("one") as http, closing(Reader(platform.port)) as stream:
        codes = [http.post("/api/v1/session/codes").json()["code"] for _ in range(2)]
        cookie = http.post("/api/v1/session", json={"code": codes[0]}, headers=page).headers["set-cookie"].partition(";")[0]
        with closing(sqlite3.connect(platform.home / "regie.db", timeout=30)) as db, db:
            db.execute("UPDATE session_uses SET used_wall_ms = used_wall_ms - 600000")  # so that its next use would be written
        page["cookie"] = cookie
        http.cookies.clear()
        assert stream.next()["kind"] == "hello"
        before = counted()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        try:
            refused = [http.post("/api/v1/session", json={"code": codes[1]}, headers=page), http.post("/api/v1/session/codes")]
            refused += [http.post(path, json=body, headers=page) for path, body in acts.values()]
            read = [
                http.get(path, headers=page) for path in ("/api/v1/session", "/api/v1/pages/control-room", "/api/v1/pages/audit")
            ]
            with closing(Reader(platform.port, cookie=cookie)) as another:
                assert another.next()["kind"] == "hello"
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for answer in refused:
            said = answer.json()
            assert (answer.status_code, said["code"], "the disk is full" in said["what"]) == (507, "storage.full", True), said
            assert said["where"]
            assert said["do"]
        assert [one.status_code for one in read] == [200] * 3, [one.text[:300] for one in read]
        assert counted() == before
        assert http.post("/api/v1/session", json={"code": codes[1]}, headers=page).status_code == 200
        http.cookies.clear()
        for verb in ("pause", "resume"):
            assert http.post(f"/api/v1/rollouts/{rollout}/{verb}", json={"reason": "x"}).status_code == 200
        assert stream.next("event")["subject"] == rollout
    assert invariants(platform) == []


def test_a_newer_program_migrates_an_old_database_in_the_middle_of_a_canary_and_the_rollout_goes_on(world):
    platform, file = world.platform, world.platform.home / "regie.db"
    rollout = world.client.status()["rollout"]
    assert rollout["stage"] == "canary"
    platform.stop()
    as_first_schema(file)
    platform.start()
    world.live_until(lambda: world.champion() == rollout["version"] and not world.stage(), "the promotion", 8)
    assert world.failures == []
    assert platform.rows("SELECT version_num FROM alembic_version")[0]["version_num"] == migrate.newest()
    stages = [one["data"]["stage"] for one in world.events("rollout.stage_entered") if one["subject"] == rollout["id"]]
    assert stages == ["full", "watch"]
    assert invariants(platform) == []


def test_a_clock_set_back_by_an_hour_stops_nothing(world):
    """An hour back for the machine is an hour ahead for everything that is stored."""
    platform = world.platform
    platform.stop()
    with sqlite3.connect(platform.home / "regie.db") as db:
        for table, columns in AHEAD.items():
            db.execute(f"UPDATE {table} SET " + ", ".join(f"{one} = {one} + {HOUR_MS}" for one in columns))
        db.execute(f"UPDATE leases SET until_ms = (julianday('now') - 2440587.5) * 86400000 + {HOUR_MS}, owner = 'dead'")
    db.close()
    platform.start()
    world.asks.close()
    world.asks = httpx2.Client(base_url=platform.serve_address, timeout=30, trust_env=False)
    world.live()
    assert world.failures == []
    before = [one["run_id"] for one in world.client.runs.list()]
    run = world.train(flip=True)
    assert run["run_id"] > max(before)
    assert run["state"] == "finished"
    assert invariants(platform) == []


def as_first_schema(file):
    """The same home as the first program would have written it: its tables, its columns, all rows."""
    new = file.with_suffix(".new")
    file.rename(new)
    for rest in ("-wal", "-shm"):
        file.with_name(file.name + rest).unlink(missing_ok=True)
    database = Database(f"sqlite:///{file}")
    migrate.upgrade(database, "0001")
    database.close()
    with sqlite3.connect(file) as db:
        db.execute("ATTACH ? AS new", (str(new),))
        tables = [
            row[0] for row in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        ]
        for table in tables:
            if table != "alembic_version":
                names = ", ".join(f'"{row[1]}"' for row in db.execute(f"PRAGMA main.table_info({table})"))
                db.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")
    db.close()


def test_each_invariant_can_break_and_is_then_named(world, tmp_path):
    world.platform.stop()
    source = world.platform.home / "regie.db"
    for name, words in DAMAGE.items():
        copy = tmp_path / f"{name}.db"
        with sqlite3.connect(source) as db, sqlite3.connect(copy) as target:
            db.backup(target)
            for index in ("uq_jobs_dedup_key", "uq_rollouts_running", "uq_breaches_open"):
                target.execute(f"DROP INDEX {index}")
            done = target.execute(words)
            assert done.rowcount != 0, name
            target.commit()
        db.close()
        target.close()
        database = Database(f"sqlite:///{copy}")
        assert name in {one.invariant for one in broken(database)}, name
        database.close()


# One statement each that breaks it, as a careless hand or a defect of ours would.
DAMAGE = {
    "schema.head": "UPDATE alembic_version SET version_num = '0000'",
    "audit.whole": "UPDATE audit_records SET record = replace(record, 'done', 'd0ne') WHERE seq = 3",
    "events.gapless": "DELETE FROM events WHERE seq = 2",
    "events.caused": "UPDATE events SET causationid = 'nobody' WHERE seq = 3",
    "offsets.behind": "INSERT INTO offsets (consumer, seq) VALUES ('c', 1000000)",
    "clock.forward": "UPDATE workspaces SET now_ms = now_ms - 86400000",
    "jobs.one": "UPDATE jobs SET state = 'queued', dedup_key = 'same'",
    "jobs.state": "UPDATE jobs SET state = 'running', lease_owner = NULL",
    "runs.ended_once": "UPDATE pipeline_runs SET state = 'running'",
    "runs.shown": "UPDATE runs SET status = 'RUNNING'",
    "tasks.ended_once": "UPDATE tasks SET attempt = 7",
    "tasks.of_live_runs": "UPDATE tasks SET state = 'running'",
    "tokens.hashed": "UPDATE tokens SET hash = 'secret-' || rowid",
    "tokens.ended": "UPDATE tokens SET revoked_wall_ms = NULL",
    "versions.registered": "UPDATE registered_models SET last_version = 0",
    "gates.evidence": "UPDATE evidence SET verdict = 'failed'",
    "champions.qualified": "UPDATE qualifications SET state = 'failed'",
    "champions.released": "DELETE FROM rollouts",
    "champions.told": "UPDATE champions SET version = 1",
    "rollouts.one": "UPDATE rollouts SET state = 'running'",
    "rollouts.told": "UPDATE rollouts SET state = 'aborted'",
    "routes.allowed": "UPDATE routes SET variants = replace(variants, '\"version\":', '\"version\":9')",
    "routes.told": "UPDATE routes SET generation = generation + 1",
    "nodes.behind": "UPDATE nodes SET generations = '{\"one\": 99}'",
    "reactions.once": "INSERT INTO reactions SELECT 'r', workspace, 'age', pipeline, 'gone', '', '', '', 0 FROM pipeline_runs LIMIT 1",
    "breaches.one": "INSERT INTO breaches (id, workspace, monitor, kind, version, signal, state, because, cause, opened_ms) "
    "VALUES ('a', 'one', 'm', 'quality', 1, 's', 'open', '', '', 0), ('b', 'one', 'm', 'quality', 1, 's', 'open', '', '', 0)",
    "labels.whole": "UPDATE labels SET prediction_id = replace(prediction_id, 'a', 'b')",
}  # fmt: skip

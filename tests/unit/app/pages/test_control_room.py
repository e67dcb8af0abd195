"""The control room's answer on a real store: who is needed, for whom it waits, who sees it, and at which cost."""

import pytest
from fastapi import FastAPI
from sqlalchemy import event, insert
from starlette.testclient import TestClient

from regie.app.doors import guard
from regie.app.pages import control_room
from regie.app.workspace_path import WorkspacePath
from regie.base.canonical import canonical
from regie.base.clock import DAY_MS
from regie.monitoring import changes as monitoring
from regie.rollout import changes as rollout
from regie.rollout import queries
from regie.spec.load import parse
from regie.store import actors
from regie.store.tables import specs, workspaces
from regie.store.types import LOCAL, system
from regie.tracking import changes as tracking
from tests.support import asking
from tests.support.place import NOW, SPEC, Place
from tests.support.releases import released as released_by_stages
from tests.support.releases import running

PATH = "/api/v1/pages/control-room"


@pytest.fixture
def place(sqlite_store, tmp_path):
    return Place(sqlite_store, tmp_path)


@pytest.fixture
def either(store, tmp_path):
    """On SQLite, then on PostgreSQL."""
    return Place(store, tmp_path)


def ask(place, token=None, **query):
    app = FastAPI()
    app.include_router(control_room.router)
    app.state.predictions = place.folder / "predictions"
    guard(app, place.store, {("GET", PATH): "everywhere.read"} | {("GET", path): "public" for path in DOCS})
    app.add_middleware(WorkspacePath, store=place.store)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return TestClient(app).get(PATH, params=query, headers=headers)


DOCS = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")


def shown(place, token=None, **query):
    answer = ask(place, token, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stations(line):
    return {one["station"]: (one["state"], one["because"]["code"]) for one in line["stations"]}


def person(place, name, *roles, workspace="loop"):
    with place.store.change(LOCAL, "actor.add", name, workspace=workspace) as tx:
        return actors.add(tx, name, list(roles), workspace=workspace)


def another(place, name, text=SPEC):
    """One more workspace under a file of its own."""
    spec = parse(text.replace("workspace: loop", f"workspace: {name}"), place.folder / "regie.yaml").spec
    with place.store.database.write() as db:
        row = {"name": name, "clock": "driven", "now_ms": NOW, "secret": "00" * 32, "created_ms": NOW}
        db.execute(insert(workspaces).values(**row, spec_digest=spec.digest))
        said = {"digest": spec.digest, "workspace": name, "document": canonical(spec.to_json()), "root": "x", "git": "{}"}
        db.execute(insert(specs).values(**said, code_digest="sha256:0", applied_ms=NOW, applied_by="test"))


def test_a_workspace_that_was_just_applied_waits_for_somebody_who_starts_its_first_run(place):
    (line,) = shown(place)["lines"]
    assert (line["workspace"], line["model"], line["foremost"], line["champion"]) == ("loop", "loop", "run", None)
    assert line["waits"] == {
        "action": "pipeline.run",
        "role": "scientist",
        "holders": [],
        "you": True,
        "until_ms": None,
        "command": "regie pipeline run train -w loop",
    }
    assert line["need"] == "you"


def released(place):
    """A champion, crowned at once."""
    asking.made(place, SPEC.replace("rollout: [shadow 1d, canary 10% for 1d, full, watch 9d]", "rollout: [full]"))
    return asking.released(place)


def test_a_champion_and_the_windows_of_its_promise_are_one_quiet_line(place):
    number = released(place)
    place.pass_days(9)
    place.node(loop=place_generation(place))
    promise = place.spec.monitor.quality[0].text
    for day in range(3):
        with place.under("watch", "signal.record") as tx:
            figures = {"value": 0.4 + day, "low": 0.3, "high": 0.5, "bound": 0.6, "rows": 100, "coverage": 1.0}
            window = {"from_ms": 0, "to_ms": NOW + day * DAY_MS, "verdict": "kept", "because": "promise.kept"}
            monitoring.record(tx, {"monitor": promise, "kind": "quality", "version": number, **figures, **window})
    (line,) = shown(place)["lines"]
    assert (line["need"], line["champion"], line["nodes"]) == ("quiet", number, 1)
    assert stations(line)["release"] == ("quiet", "champion.serves")
    assert stations(line)["watch"] == ("quiet", "quality.kept")
    assert line["spark"]["below"] is True
    assert (line["spark"]["values"], line["spark"]["bounds"]) == ([0.4, 1.4, 2.4], [0.6, 0.6, 0.6])


def place_generation(place):
    with place.store.read() as db:
        return queries.route(db, "loop", "loop").generation


def test_a_paused_rollout_needs_somebody_and_leads_to_where_one_resumes_it(either):
    place = either
    released(place)
    asking.apply(place, SPEC)
    released_by_stages(place, to="shadow")
    with place.store.change(LOCAL, "rollout.pause", running(place).id, workspace="loop") as tx:
        rollout.pause(tx, running(place).id, True, "lunch")
    (line,) = shown(place)["lines"]
    release = next(one for one in line["stations"] if one["station"] == "release")
    assert (release["state"], release["page"], release["id"]) == ("needs", "rollout", running(place).id)
    assert (line["waits"]["action"], line["waits"]["you"]) == ("rollout.resume", True)


def test_an_approval_waits_for_those_who_hold_its_role_and_for_me_only_where_i_am_no_author(either):
    asks = asking.made(either)
    tokens = {"ann": person(asks, "ann", "validator"), "eve": person(asks, "eve", "engineer")}
    asking.ran(asks, asking.passed(asks), by="bob")
    asking.turn(asks)
    needs = {}
    for name, token in (*tokens.items(), ("local", None)):
        (line,) = shown(asks, token)["lines"]
        needs[name] = (line["need"], line["waits"]["you"])
        assert (line["waits"]["role"], line["waits"]["holders"]) == ("validator", ["ann"])
        assert line["waits"]["until_ms"] == NOW + 5 * DAY_MS
    assert needs == {"ann": ("you", True), "eve": ("somebody", False), "local": ("somebody", False)}


def test_a_token_for_one_workspace_sees_that_one_and_a_stranger_sees_nothing(place):
    another(place, "other", SPEC.replace("{name: loop,", "{name: other,"))
    token = person(place, "ann", "viewer")
    assert [one["workspace"] for one in shown(place, token)["lines"]] == ["loop"]
    assert [one["workspace"] for one in shown(place)["lines"]] == ["loop", "other"]
    assert ask(place, "no token of ours").status_code == 401


def test_lines_are_found_by_their_names_and_by_need_while_the_summary_stays_that_of_all(place):
    another(place, "other")
    found = shown(place, q="OTHER")
    assert ([one["workspace"] for one in found["lines"]], found["total"], found["summary"]["models"]) == (["other"], 1, 2)
    assert shown(place, need="quiet")["lines"] == []
    assert shown(place, limit=1)["total"] == 2
    assert ask(place, need="nonsense").status_code == 422
    assert ask(place, limit=501).status_code == 422


def test_what_needs_me_comes_first_then_what_is_broken(place):
    released(place)
    another(place, "new")
    with place.store.change(system("watch"), "signal.record", "q", workspace="loop") as tx:
        monitoring.breach(tx, "q", "quality", 1, "s", "broken")
    assert [(one["workspace"], one["need"]) for one in shown(place)["lines"]] == [("new", "you"), ("loop", "broken")]


def test_a_workspace_without_a_file_in_which_runs_are_tracked_is_a_small_line(either):
    place = either
    with place.store.change(LOCAL, "run.create", "x", workspace="personal") as tx:
        experiment = tracking.create_experiment(tx, "notebook")
        tracking.create_run(tx, experiment, "first", start_wall_ms=5_000)
    (bare,) = shown(place)["bare"]
    assert bare == {"workspace": "personal", "experiments": 1, "newest_wall_ms": 5_000}
    assert shown(place, person(place, "ann", "viewer"))["bare"] == []


def test_twenty_models_cost_as_many_statements_as_two(place):
    counted = []

    def count(*_):
        counted.append(1)

    another(place, "m0")
    event.listen(place.store.database._read, "before_cursor_execute", count)
    shown(place)
    two = len(counted)
    for number in range(1, 20):
        another(place, f"m{number}")
    counted.clear()
    assert len(shown(place)["lines"]) == 21
    assert len(counted) == two
    assert two < 25

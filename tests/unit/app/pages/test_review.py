"""Review, as the server tells it: what waits for whom, the evidence against its bounds, and who may decide and why not."""

import asyncio

import httpx2
import pytest
from sqlalchemy import update

from regie.app import server
from regie.app.home import open_home
from regie.base.canonical import canonical
from regie.base.clock import DAY_MS
from regie.gates import changes as gates
from regie.loop import review
from regie.pipelines.tables import pipeline_runs
from regie.registry.tables import model_versions
from regie.store import actors
from regie.store.types import LOCAL, NOBODY_CAUSE
from tests.support.asking import ASKS, apply, qualification, ran, released, turn
from tests.support.place import NOW, Place

HOSTILE = '<img src=x onerror="alert(1)">\u202e' + "x" * 10_000
HOLDOUT = {"digest": "sha256:" + "d" * 64, "from_ms": NOW - 8 * DAY_MS, "to_ms": NOW - DAY_MS, "rows": 2022}
JUDGED = [
    {"gate": "recall(by sex).gap <= 0.05", "verdict": "passed", "value": 0.03, "low": 0.01, "high": 0.045, "bound": 0.05,
     "rows": 2022, "blocks": 7, "detail": {"groups": {"f": 0.71, "m": 0.74, HOSTILE: None}, "too_few": [HOSTILE]}},
    {"gate": "log_loss <= champion + 0.02", "verdict": "passed", "value": 0.56, "low": 0.554, "high": 0.569, "bound": 0.586,
     "champion_value": 0.566, "rows": 2022, "blocks": 7,
     "detail": {"d": -0.02, "difference": 0.0046, "difference_low": 0.0012, "difference_high": 0.0123}},
    {"gate": "latency.p95 < 20ms", "verdict": "passed", "value": 0.008, "bound": 20.0, "detail": {"unit": "ms", "calls": 300}},
]  # fmt: skip
PEOPLE = {"ann": ("validator",), "ben": ("validator", "engineer"), "eve": ("engineer", "viewer"), "far": ()}


class World:
    """A home whose version 1 is champion, and whose version 2, which ben made, waits for a validator."""

    def __init__(self, folder):
        self.home = open_home(folder, NOW)
        self.place = Place(self.home.store, self.home.folder)
        apply(self.place, ASKS)
        self.place.node()
        self.tokens = {name: self.add(name, *roles) for name, roles in PEOPLE.items()}
        ran(self.place, released(self.place))
        self.second = self.made("ben")
        turn(self.place)
        self.app = server.create_app(self.home)

    def add(self, name, *roles):
        with self.home.store.change(LOCAL, "actor.add", name, workspace="loop") as tx:
            return actors.add(tx, name, roles, workspace="loop")

    def made(self, by):
        """Another challenger, of a run of somebody's, that passed its gates."""
        place, number = self.place, self.place.register()
        ran(place, number, by, at_ms=NOW - 30 * DAY_MS)
        with place.under("train", "run.finish") as tx:
            of = pipeline_runs.c.run_id == f"{number:032x}"
            tx.execute(
                update(pipeline_runs).where(of).values(params=canonical({"depth": 4, "note": HOSTILE}), lock_digest="sha256:b")
            )
            own = model_versions.c.version == number
            tx.execute(update(model_versions).where(own).values(package=f"sha256:{number:064x}", window="last 26w"))
        with place.under("qualify", "gate.judge") as tx:
            gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
        with place.under("qualify", "gate.judge") as tx:
            gates.conclude(
                tx, qualification(place, number), gates.PASSED, "said", JUDGED, champion=1, holdout=HOLDOUT, next_ms=0,
                cause=NOBODY_CAUSE,
            )  # fmt: skip
        return number

    def call(self, method, path, who="", json=None):
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}

        async def ask():
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", trust_env=False) as client:
                return await client.request(method, path, json=json, headers=headers)

        return asyncio.run(ask())

    def listed(self, who=""):
        return self.call("GET", "/api/v1/pages/review", who).json()

    def shown(self, who="", version=2):
        return self.call("GET", f"/w/loop/api/v1/pages/review/loop@{version}", who).json()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("review"))
    yield made
    made.home.store.database.close()


@pytest.mark.parametrize(("who", "mine", "why"), [("ann", 1, None), ("ben", 0, "review.author"), ("eve", 0, "review.no_right"),
                                                 ("", 0, "review.local")])  # fmt: skip
def test_what_waits_is_mine_only_where_i_may_decide_and_else_says_why_not_and_who_may(world, who, mine, why):
    found = world.listed(who)
    assert (len(found["mine"]), len(found["others"])) == (mine, 1 - mine)
    (one,) = found["mine"] + found["others"]
    assert (one["workspace"], one["model"], one["version"], one["deciders"]) == ("loop", "loop", 2, ["ann"])
    assert (one["why"]["code"] if one["why"] else None) == why
    assert (one["passed"], one["gates"], one["deadline_ms"] - one["requested_ms"]) == (3, 3, 5 * DAY_MS)
    assert one["foremost"]["gate"] == "log_loss <= champion + 0.02"
    assert [(row["version"], row["state"], row["decided_by"]) for row in found["decided"]] == [(1, "granted", "ann")]


def test_who_has_no_role_in_a_workspace_sees_nothing_of_it(world):
    assert world.call("GET", "/api/v1/pages/review", "far").status_code == 403
    with world.home.store.change(LOCAL, "actor.add", "near", workspace="elsewhere") as tx:
        world.tokens["near"] = actors.add(tx, "near", ["validator"], workspace="elsewhere")
    assert world.listed("near") == {"mine": [], "others": [], "decided": [], "more": False}
    assert world.call("GET", "/w/loop/api/v1/pages/review/loop@2", "near").status_code == 403


def test_each_gate_stands_with_its_interval_its_bound_and_the_side_that_breaks_it(world):
    gap, loss, latency = world.shown("ann")["evidence"]
    assert (gap["metric"], gap["breaks"], gap["low"], gap["high"], gap["bound"]) == (
        "recall(by sex).gap",
        "above",
        0.01,
        0.045,
        0.05,
    )
    assert (gap["groups"]["f"], gap["groups"][HOSTILE], gap["too_few"]) == (0.71, None, [HOSTILE])
    assert (loss["champion_value"], loss["difference_low"], loss["better"]) == (0.566, 0.0012, True)
    assert (latency["unit"], latency["low"], latency["better"]) == ("ms", None, None)
    assert (loss["from_ms"], loss["rows"], loss["blocks"]) == (HOLDOUT["from_ms"], 2022, 7)


@pytest.mark.parametrize(
    ("low", "high", "better"), [(0.1, 0.2, True), (-0.2, -0.1, False), (-0.1, 0.1, None), (0, 0.1, None), (None, None, None)]
)
def test_a_difference_is_better_or_worse_only_where_its_interval_says_so(low, high, better):
    row = dict.fromkeys(("value", "low", "high", "bound", "champion", "champion_value"))
    row |= {"gate": "auc >= champion", "verdict": "passed", "rows": 1, "blocks": 1, "holdout": {}}
    found = review.gate(row | {"detail": {"difference_low": low, "difference_high": high}})
    assert (found.better, found.breaks) == (better, "below")
    assert review.gate(row | {"gate": "no longer known", "detail": {}}).breaks is None


def test_what_differs_from_the_champion_is_named_by_what_it_is(world):
    found = {(one["thing"], one["name"]): (one["champion"], one["version"]) for one in world.shown("ann")["differences"]}
    assert found["param", "depth"] == (None, 4)
    assert found["param", "note"] == (None, HOSTILE)
    assert found["lock", ""] == ("", "sha256:b")
    assert found["window", ""] == ("all", "last 26w")
    assert ("code", "") not in found  # the same


def test_who_may_decide_and_who_may_not_and_why(world):
    found = world.shown("eve")
    people = {one["name"]: (one["why"] or {}).get("code") for one in found["people"]}
    assert people == {"eve": "review.no_right", "ann": None, "ben": "review.author"}
    assert [one["you"] for one in found["people"]] == [True, False, False]
    assert {one["name"]: one["deed"] for one in found["authors"]} == {"ben": "run.started", "local": "code.applied"}
    assert found["people"][2]["why"]["values"]["deed"] == "run.started"


def test_a_button_is_offered_to_who_may_and_says_why_not_to_the_others(world):
    grant, refuse = (world.shown("ann")[verb] for verb in ("grant", "refuse"))
    assert (grant["allowed"], refuse["allowed"], grant["path"]) == (True, True, "/api/v1/approvals/loop@2/grant")
    assert grant["command"] == "regie approval grant loop@2 -w loop --reason '...'"
    for who, code in (("ben", "review.author"), ("eve", "no_right"), ("", "review.local")):
        said = world.shown(who)["grant"]
        assert (said["allowed"], said["why"]["code"]) == (False, code)
        assert world.call("POST", f"/w/loop{said['path']}", who, {"reason": "x"}).status_code == 403


def test_after_the_decision_the_page_says_who_took_it_and_what_follows(tmp_path):
    world = World(tmp_path)
    try:
        before = world.shown("ann")
        assert (before["state"], before["next"]["rollout"]) == ("pending", None)
        assert before["next"]["stages"] == ["shadow 1d", "canary 10% for 1d", "full", "watch 9d"]
        sent = {"reason": "read it", "approval": before["approval"]}
        assert world.call("POST", f"/w/loop{before['grant']['path']}", "ann", sent).status_code == 200
        turn(world.place)
        after = world.shown("ann")
        assert (after["state"], after["decided_by"], after["reason"]) == ("granted", "ann", "read it")
        assert (after["grant"]["allowed"], after["grant"]["why"]["code"]) == (False, "review.granted")
        assert (after["next"]["rollout_state"], after["next"]["stage"]) == ("running", "shadow")
        assert after["next"]["rollout"]
        assert [one["state"] for one in after["history"]] == ["granted"]
        assert world.listed("ann")["mine"] == []
    finally:
        world.home.store.database.close()


def test_a_version_that_nobody_was_asked_about_is_not_found_and_says_where_to_look(world):
    for version, status in (("loop@99", 404), ("loop@99999999999999", 404), ("loop", 422), ("%3Cimg%3E@1", 404)):
        answer = world.call("GET", f"/w/loop/api/v1/pages/review/{version}", "ann")
        assert (answer.status_code, bool(answer.json()["do"])) == (status, True)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x"])
def test_the_list_is_bounded(world, limit):
    assert world.call("GET", f"/api/v1/pages/review?limit={limit}").status_code == 422
    assert world.call("GET", "/api/v1/pages/review?limit=1").json()["more"] is False

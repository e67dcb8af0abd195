"""A home under attack: version 1 is champion, 2 failed its gates, 3 was refused by a person, 4 passed and waits for an approval.

People: vic (viewer), sci (scientist), val (validator), eve and dual (engineers and validators, authors of 3 and 4), gone (revoked),
late (expires), far (validator of another workspace); and the tokens of a task and of a serving node.
"""

import json
from dataclasses import dataclass, field

from regie.base.blobs import BlobStore
from regie.client.http import Client
from regie.pipelines.project import pack
from regie.spec.load import load_with_positions
from regie.store import tokens
from regie.store.change import Store
from regie.store.database import Database
from tests.support.platform import DEFAULTS, FLOW, SPEC, Platform, World, made, until

NAME = "attacked"
ASKS = "  approve: {by: validator, not: author, within: 5d}"
FULL = "full, watch 9d"
STEPS = FLOW.replace("sleep: float = 0.0", "c: float = 1.0").replace("rows, flip, sleep", "rows, flip, c")
STEPS = STEPS.replace("    import time\n\n    time.sleep(sleep)\n", "").replace("LogisticRegression()", "LogisticRegression(C=c)")
WIRE = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
GOOD, FAILED, REFUSED, PENDING = 1, 2, 3, 4


@dataclass
class Besieged:
    """The world, the people with their tokens, and what must not move."""

    world: World
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, method, path, body=None, who="", workspace=NAME, **headers):
        with self.world.platform.http(workspace, self.tokens.get(who, who)) as http:
            content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
            return http.request(method, path, headers=headers, **content)

    def wire(self, method, path, who="", **said):
        return self.call(method, WIRE + path, said, who)

    def versions(self):
        return {one["version"]: one for one in self.world.client.models.show(NAME)["versions"]}

    def package(self, number):
        return self.versions()[number]["package"]

    def refusals(self, action):
        query = "SELECT record FROM audit_records WHERE result = 'refused' AND action = ?"
        return [json.loads(row["record"]) for row in self.world.platform.rows(query, action)]

    def audited(self, action, about, by="local"):
        """A refusal of this person is in the log, with what they tried or why not."""
        found = self.refusals(action)
        assert any(one["actor"] == by and about in f"{one['target']} {one['rule']}" for one in found), found

    def approval(self, number):
        found = [one for one in self.world.client.approvals.list() if one["version"] == number]
        return found[0] if found else {"state": "", "id": ""}

    def grant(self, number, who="val", **more):
        return self.call("POST", f"/api/v1/approvals/{NAME}@{number}/grant", {"reason": "x", **more}, who)

    def copied(self, number):
        """Another version of the same files, by somebody who may register versions."""
        made = self.wire("POST", "/model-versions/create", name=NAME, source=f"models:/{NAME}/{number}", who="sci")
        self.world.settle()
        return int(made.json()["model_version"]["version"])


def besieged(platform: Platform) -> Besieged:
    world = World(platform, NAME, made(), platform.folder / NAME)
    found = Besieged(world)
    world.apply(STEPS, rollout=FULL)
    assert world.train()["state"] == "finished"
    until(lambda: world.champion() == GOOD, "the first champion")
    world.train(flip=True)
    for name, roles in {"vic": ["viewer"], "sci": ["scientist"], "eve": ["engineer", "validator"], "val": ["validator"],
                        "dual": ["engineer", "validator"], "gone": ["validator"]}.items():  # fmt: skip
        found.tokens[name] = world.client.actors.add(name, roles)["token"]
    found.tokens["late"] = world.client.actors.add("late", ["validator"], expires_s=1)["token"]
    with platform.http("elsewhere") as http:
        found.tokens["far"] = http.post("/api/v1/actors", json={"name": "far", "roles": ["validator"]}).json()["token"]
    world.client.actors.revoke("gone", "left")
    applied_by(found, "dual", approve=ASKS)
    train_by(found, "eve", c=0.5)
    assert found.call("POST", f"/api/v1/approvals/{NAME}@3/refuse", {"reason": "not this one"}, "val").status_code == 200
    train_by(found, "eve", c=0.25)
    database = Database(f"sqlite:///{platform.home / 'regie.db'}")
    with Store(database, BlobStore(platform.home / "blobs")).machinery() as batch:  # as the worker does for its task
        run = world.client.runs.list()[0]["run_id"]
        found.tokens["task"] = tokens.issue(batch, "task:thief", "task", f"run:{run} put:*", None, NAME)
        found.tokens["node"] = tokens.issue(batch, "node:mine", "node", "mine")
    database.close()
    return found


def document(siege, **promises):
    folder = siege.world.folder / "edited"
    folder.mkdir(exist_ok=True)
    path = folder / "regie.yaml"
    path.write_text(SPEC.format(name=NAME, **(DEFAULTS | {"rollout": FULL, "approve": ASKS} | promises)))
    return load_with_positions(path).spec.to_json()


def applied_by(siege, who, **promises):
    world = siege.world
    client = Client(world.platform.address, NAME, siege.tokens[who])
    client.apply(document(siege, **promises), root=str(world.folder), code=pack(world.folder))
    client.close()


def train_by(siege, who, **params):
    client = Client(siege.world.platform.address, NAME, siege.tokens[who])
    run = client.pipelines.run("train", params)["run_id"]
    client.close()
    siege.world.settle()
    assert siege.world.client.runs.show(run)["state"] == "finished"

"""The access policy: two pure functions, a literal table, deny wins.

`docs/reference/actions.md` shows the same table to people; a test compares them cell by cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from regie.store.types import Actor

_SCIENTIST = frozenset(
    {
        "experiment.create", "experiment.change", "run.create", "run.change", "run.delete", "run.measure", "pipeline.run",
        "run.cancel", "model.register", "model.change", "version.change", "label.state", "snapshot.create", "blob.put",
        "trace.log", "endpoint.try",
    }
)  # fmt: skip
_ENGINEER = _SCIENTIST | {
    "spec.apply", "workspace.create", "rollout.pause", "rollout.resume", "rollout.abort", "model.rollback", "clock.advance",
}  # fmt: skip
_READER = frozenset({"audit.anchor", "session.open", "session.close"})
_VALIDATOR = frozenset({"approval.grant", "approval.refuse"})
_OWNER = frozenset({"actor.add", "actor.revoke", "token.create", "token.revoke", "node.sync", "store.collect"})

ROLES: Mapping[str, frozenset[str]] = {
    "viewer": _READER,
    "scientist": _READER | _SCIENTIST,
    "engineer": _READER | _ENGINEER,
    "validator": _READER | _VALIDATOR,
    "owner": _READER | _ENGINEER | _OWNER,
}
# What taking a role away takes: its own actions; a viewer's are all reading.
TAKEN: Mapping[str, frozenset[str]] = {name: actions - _READER or _READER for name, actions in ROLES.items()}
# The system's turns hold rights that no role has, and none of the others.
TURNS: Mapping[str, frozenset[str]] = {
    "watch": frozenset({"signal.record"}),
    "react": frozenset({"reaction.fire"}),
    "train": frozenset({"run.finish", "task.record", "snapshot.create", "model.register"}),
    "qualify": frozenset({"gate.judge", "snapshot.create"}),
    "release": frozenset({"approval.request", "approval.expire", "rollout.start", "rollout.step"}),
}
# What belongs to no workspace: who has a role in any of them may.
ANYWHERE = frozenset({"session.open", "session.close", "session.read", "stream.read", "everywhere.read"})
# A task writes measurements of its own run, traces beside it, and its outputs. `run.change`: mlflow's client ends the run that it
# logged to (the status that it says is ignored), and a model that is logged is a row of its run.
TASK = frozenset({"run.measure", "run.change", "blob.put", "trace.log"})
TASK_READS = frozenset({"run.read", "blob.read", "trace.read"})
# The experiment of its run, asked for by name or id, is found out where it is read; `server.read`: mlflow asks what is there.
TASK_LOOKS = TASK_READS | {"experiment.read", "server.read"}
NODE = frozenset({"node.sync"})
NODE_READS = frozenset({"route.read", "blob.read"})
# Exist so that they can be refused by name: the champion changes only inside rollout.step, rollout.abort and model.rollback.
FORBIDDEN: Mapping[str, str] = {
    "champion.set": "the champion changes only through the gates and a rollout",
    "route.change": "a route changes only through a rollout",
    "package.change": "a registered version never changes",
    "door.open": "there is no such door",
}
# Every action that is no read. A grant may deny any of them, or a read by its name.
ACTIONS = frozenset[str]().union(*ROLES.values(), *TURNS.values(), TASK, NODE, FORBIDDEN)


@dataclass(frozen=True)
class Decision:
    """May the actor do it, and by which rule."""

    allowed: bool
    rule: str


def allowed(actor: Actor, action: str, target: str, now_ms: int) -> Decision:
    """Decide one action on one target. Tasks and nodes are bounded by their scope; what a person may is bounded by role."""
    if action in FORBIDDEN:
        return Decision(False, "forbidden: " + FORBIDDEN[action])
    if denied := _denied(actor, action):
        return Decision(False, f"denied to {actor.name}: {denied}")
    if actor.kind == "system":
        held = frozenset[str]().union(*(TURNS.get(turn, frozenset()) for turn in actor.roles))
        return Decision(action in held or action.endswith(".read"), f"turn {'+'.join(sorted(actor.roles))}")
    if actor.kind == "task":
        return Decision(action in TASK | TASK_READS and _within(actor.scope, target), "task token")
    if actor.kind == "node":
        return Decision((action in NODE and _within(actor.scope, target)) or action in NODE_READS, "node token")
    return _by_role(actor, action)


def ever(actor: Actor, action: str, now_ms: int) -> Decision:
    """Whether the actor may do it to anything at all: what a door asks before it looks at what was sent."""
    if actor.kind == "task":
        return Decision(action in TASK | TASK_LOOKS, "task token")
    if actor.kind == "node":
        return Decision(action in NODE | NODE_READS, "node token")
    return allowed(actor, action, "*", now_ms)


def _by_role(actor: Actor, action: str) -> Decision:
    if actor.kind != "person" or not actor.roles & ROLES.keys():
        return Decision(False, f"{actor.name} has no role here")
    if action.endswith(".read"):
        return Decision(True, "any role reads")
    for role in sorted(actor.roles):
        if action in ROLES.get(role, frozenset()):
            return Decision(True, f"role {role}")
    return Decision(False, f"no role of {actor.name} may {action}")


def _denied(actor: Actor, action: str) -> str:
    """The grant that takes the action away; empty where none does."""
    if action in actor.denied:
        return action
    if "viewer" in actor.denied and action.endswith(".read"):
        return "viewer"
    return next((role for role in sorted(actor.denied) if action in TAKEN.get(role, frozenset())), "")


def _within(scope: str, target: str) -> bool:
    """A task's scope is a list of targets, separated by spaces; one that ends in `*` is a prefix."""
    return any(target == part or (part.endswith("*") and target.startswith(part[:-1])) for part in scope.split())

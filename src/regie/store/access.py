"""The access policy: one pure function, a literal table, deny wins.

`docs/reference/actions.md` shows the same table to people; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from regie.store.types import Actor

_SCIENTIST = frozenset(
    {
        "experiment.create", "experiment.change", "run.create", "run.change", "run.measure", "pipeline.run", "run.cancel",
        "model.register", "model.change", "version.change", "label.state", "snapshot.create", "blob.put",
    }
)  # fmt: skip
_ENGINEER = _SCIENTIST | {
    "spec.apply", "workspace.create", "rollout.pause", "rollout.resume", "rollout.abort", "clock.advance",
}  # fmt: skip
_READER = frozenset({"audit.anchor"})

ROLES: Mapping[str, frozenset[str]] = {
    "viewer": _READER,
    "scientist": _READER | _SCIENTIST,
    "engineer": _READER | _ENGINEER,
    "validator": _READER,
    "owner": _READER | _ENGINEER | {"actor.add", "token.create", "token.revoke", "node.sync"},
}
# The system's turns hold rights that no role has, and none of the others.
TURNS: Mapping[str, frozenset[str]] = {
    "watch": frozenset({"signal.record"}),
    "react": frozenset({"reaction.fire"}),
    "train": frozenset({"run.finish", "task.record", "snapshot.create", "model.register", "challenger.name"}),
    "qualify": frozenset({"gate.judge", "snapshot.create"}),
    "release": frozenset({"rollout.start", "rollout.step"}),
}
TASK = frozenset({"run.measure", "run.change", "model.register", "experiment.create", "blob.put"})
NODE = frozenset({"node.sync"})
# Exists so that it can be refused by name: the champion changes only inside rollout.step and rollout.abort.
FORBIDDEN: Mapping[str, str] = {"champion.set": "the champion changes only through the gates and a rollout"}


@dataclass(frozen=True)
class Decision:
    """May the actor do it, and by which rule."""

    allowed: bool
    rule: str


def allowed(actor: Actor, action: str, target: str, now_ms: int) -> Decision:
    """Decide one action. Reads are allowed to every known actor but tasks and nodes, whose reads are bounded by their scope."""
    if action in FORBIDDEN:
        return Decision(False, "forbidden: " + FORBIDDEN[action])
    if actor.kind == "system":
        held = frozenset[str]().union(*(TURNS.get(turn, frozenset()) for turn in actor.roles))
        return Decision(action in held or action.endswith(".read"), f"turn {'+'.join(sorted(actor.roles))}")
    if actor.kind == "task":
        return Decision(action in TASK and _within(actor.scope, target), "task token")
    if actor.kind == "node":
        return Decision(action in NODE or action in ("route.read", "blob.read"), "node token")
    if action.endswith(".read"):
        return Decision(bool(actor.roles), "any role reads" if actor.roles else "no role")
    for role in sorted(actor.roles):
        if action in ROLES.get(role, frozenset()):
            return Decision(True, f"role {role}")
    return Decision(False, f"no role of {actor.name} may {action}")


def _within(scope: str, target: str) -> bool:
    """A task's scope is a list of targets, separated by spaces; one that ends in `*` is a prefix."""
    return any(target == part or (part.endswith("*") and target.startswith(part[:-1])) for part in scope.split())

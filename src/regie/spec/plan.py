"""What applying a `regie.yaml` would change, and what follows from it. Pure.

Things are told apart by their identity (names; of expressions the metric, argument and part), so a changed threshold is a
change, not a removal and an addition. The digest covers both sides: `regie apply` applies exactly the plan that was read.
"""

from dataclasses import dataclass
from typing import Any

from regie.base.canonical import canonical, digest
from regie.spec.document import Spec

NOTHING, RE_EVALUATION, RETRAINING, UPDATE = "nothing", "re-evaluation", "retraining", "zero-downtime update"

# The first prefix that fits. What is released is never touched by a plan: a retrained model is a challenger, a changed route
# rolls without dropping a request.
CONSEQUENCES = (
    ("data.*.checks", NOTHING),
    ("data.*.holdout", RE_EVALUATION),
    ("data", RETRAINING),
    ("pipelines", RETRAINING),
    ("model.gates", RE_EVALUATION),
    ("model.approve", NOTHING),
    ("model.task.threshold", RE_EVALUATION),
    ("model", RETRAINING),
    ("serve", UPDATE),
    ("", NOTHING),
)


@dataclass(frozen=True)
class Change:
    """`identity`: `model.gates.auc vs champion`. `before` is None for what is added, `after` for what is removed."""

    identity: str
    before: str | None
    after: str | None
    consequence: str

    @property
    def kind(self) -> str:
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **vars(self)}


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        return {"digest": self.digest, "changes": [change.to_json() for change in self.changes]}


def plan(old: Spec | None, new: Spec) -> Plan:
    """The changes from what is applied (None: nothing yet) to what is wanted, in the order of their identities."""
    before, after = promises(old) if old else {}, promises(new)
    changes = tuple(
        Change(identity, before.get(identity), after.get(identity), consequence(identity))
        for identity in sorted(before.keys() | after.keys())
        if before.get(identity) != after.get(identity)
    )
    return Plan(changes, digest({"old": old.to_json() if old else None, "new": new.to_json()}))


def promises(spec: Spec) -> dict[str, str]:
    """Each promise by its identity, as canonical text."""
    found: dict[str, str] = {}
    for identity, value in flat("", spec.to_json() | lists(spec)):
        found[identity] = value if isinstance(value, str) else canonical(value)
    return found


def lists(spec: Spec) -> dict[str, Any]:
    """The lists whose items have an identity, as mappings from it."""
    data = {name: one.to_json() | {"checks": {check.key: check.text for check in one.checks}} for name, one in spec.data.items()}
    found: dict[str, Any] = {
        "data": data,
        "react": {reaction.key: canonical(reaction.to_json()) for reaction in spec.react},
        "monitor": {
            "drift": {one.key: canonical(one.to_json()) for one in spec.monitor.drift},
            "quality": {one.key: one.text for one in spec.monitor.quality},
        },
    }
    if spec.model:
        found["model"] = spec.model.to_json() | {"gates": {gate.key: gate.text for gate in spec.model.gates}}
    if spec.serve:
        found["serve"] = spec.serve.to_json() | {"abort_if": {one.key: one.text for one in spec.serve.abort_if}}
    return found


def flat(path: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for name, inner in value.items() for leaf in flat(f"{path}.{name}" if path else name, inner)]


def consequence(identity: str) -> str:
    parts = identity.split(".")
    for prefix, follows in CONSEQUENCES:
        wanted = prefix.split(".") if prefix else []
        if all(want in ("*", part) for want, part in zip(wanted, parts, strict=False)) and len(wanted) <= len(parts):
            return follows
    return NOTHING

"""Who acts, and what led to it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Actor:
    """Who acts: a person, one of the system's turns, a task's child process, a serving node.

    `roles` are those that hold where it acts: an actor has them for one workspace, or for all. `denied` are the actions and roles
    taken from it there. `scope` bounds a task or node to its own run or endpoint.
    """

    name: str
    roles: frozenset[str] = field(default_factory=frozenset)
    kind: str = "person"
    scope: str = ""
    denied: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Cause:
    """The event that led to a change, and the first one of its chain."""

    causationid: str = ""
    correlationid: str = ""


def system(turn: str) -> Actor:
    """One of the system's own turns: `system("release")`."""
    return Actor(f"system:{turn}", frozenset({turn}), "system")


LOCAL = Actor("local", frozenset({"owner", "engineer", "scientist", "validator", "viewer"}))
NOBODY_CAUSE = Cause()

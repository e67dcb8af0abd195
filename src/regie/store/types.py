"""Who acts, and what led to it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Actor:
    """Who acts: a person, one of the system's turns, a task's child process, a serving node.

    `scope` bounds a task or node to its own run or endpoint.
    """

    name: str
    roles: frozenset[str] = field(default_factory=frozenset)
    kind: str = "person"
    scope: str = ""


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

"""What a person may do on a page, and why not where they may not.

A page's answer lists its acts; the page draws a button each and decides nothing. Reasons are codes with values, never sentences:
the control room has the words, in each of its languages.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from regie.app.caller import CallerOf

Value = str | int | float | bool | None


class Shown(BaseModel):
    """A part of a page's answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Why(Shown):
    """A reason: `code` is one of the words under `why` in the control room, `values` go into its sentence."""

    code: str
    values: dict[str, Value] = {}


class Act(Shown):
    """One thing that a page lets a person do. `path` is below the workspace's address; `command` does the same in a terminal.

    `why` says why not; None where it is allowed.
    """

    action: str
    method: Literal["POST", "PUT", "DELETE"] = "POST"
    path: str
    allowed: bool
    why: Why | None = None
    command: str


def act(caller: CallerOf, action: str, target: str, path: str, command: str, *, unless: Why | None = None) -> Act:
    """An act on `target`; `unless`: why the state of things does not allow it, whoever asks. Rights are looked at first."""
    why = None if caller.could(action, target) else Why(code="no_right", values={"action": action, "actor": caller.actor.name})
    why = why or unless
    return Act(action=action, path=path, allowed=why is None, why=why, command=command)

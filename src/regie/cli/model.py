"""`regie model ...`: versions with role, run and evidence.

What serves is decided by the release turn; a person can only go back to the former champion, never choose a version.
"""

import time
from typing import TYPE_CHECKING, Any

import click

from regie.base.clock import monotonic
from regie.base.errors import NotFound, RegieError
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client


WAIT_S = 30.0
LOOK_S = 0.05


class NotTakenUp(RegieError):
    """The route was changed, and some node does not answer by it yet."""

    code, status, exit_code = "serving.behind", 500, 1


@click.group()
def model() -> None:
    """Models, their versions and evidence."""


@model.command("list")
@options.read
def listed(client: "Client", as_json: bool) -> None:
    """Every model with its champion."""
    show.rows(client.models.list(), (("model", "name"), ("champion", "champion")), as_json, empty="no models")


@model.command("show")
@click.argument("name")
@options.read
def one(client: "Client", name: str, as_json: bool) -> None:
    """A model's versions, what the gates said of each, and its rollouts."""
    found = client.models.show(name)
    if not found["versions"] and name not in {one["name"] for one in client.models.list()}:
        raise NotFound(f"there is no model {name!r}", client.workspace or "", "regie model list")
    if as_json:
        show.data(found)
        return
    show.facts((("model", found["name"]), ("champion", found.get("champion"))))
    show.text()
    columns: tuple[show.Column, ...] = (
        ("version", "version"), ("role", lambda one: "champion" if one["version"] == found.get("champion") else one.get("role")),
        ("window", "window"), ("created", show.time("created_ms")), ("gates", _gates), ("rollout", _rollout), ("run", "run_id"),
    )  # fmt: skip
    show.rows(found["versions"], columns, False, empty="no versions")
    for version in found["versions"]:
        _evidence(version)


@model.command()
@click.argument("name")
@click.option("--endpoint", help="Where several endpoints have a version of the model as champion.")
@click.option("--wait", is_flag=True, help="Until every living node answers by the former champion.")
@options.write
def rollback(
    client: "Client", name: str, endpoint: str | None, wait: bool, reason: str, dry_run: bool, as_json: bool
) -> None:  # fmt: skip
    """Give crown and traffic back to the former champion, at once.

    Which version that is cannot be chosen: it is the one that was champion before. The one that goes does not come back by itself.
    """
    seen = client.models.rollback_plan(name, endpoint)
    step = f"{name}: from version {seen['from_version']} back to version {seen['version']} at {seen['endpoint']}"
    if dry_run:
        ends = f"; ends rollout {seen['rollout']}" if seen["rollout"] else ""
        show.data(seen) if as_json else show.note(f"would roll back {step}{ends}")
        return
    done = client.models.rollback(name, options.needed(reason), endpoint, seen["from_version"])
    show.data(done) if as_json else show.text(done["event"])
    show.note(f"rolled back {step}")
    if wait:
        _wait(client, done)
    show.note(f"undo: version {done['from_version']} does not come back; a new challenger may")


def _wait(client: "Client", done: dict[str, Any]) -> None:
    """Until the living nodes have taken the route up. Raises NotTakenUp."""
    until = monotonic() + WAIT_S
    while True:
        serving: dict[str, int] = (client.status().get("route") or {}).get("serving", {})
        behind = [node for node, generation in serving.items() if generation < done["generation"]]
        if serving and not behind:
            show.note(f"{len(serving)} living node(s) answer by version {done['version']}")
            return
        if monotonic() > until:
            who = f"not yet: {', '.join(behind)}" if serving else "no node lives"
            raise NotTakenUp(f"the route to version {done['version']} was not taken up: {who}", done["endpoint"], "regie status")
        time.sleep(LOOK_S)


def _gates(version: show.Row) -> str:
    return str((version.get("qualification") or {}).get("state", ""))


def _rollout(version: show.Row) -> str:
    return ", ".join(one["state"] for one in version.get("rollouts", []))


def _evidence(version: show.Row) -> None:
    found: list[dict[str, Any]] = version.get("evidence") or []
    if not found:
        return
    show.text(f"\nevidence of version {version['version']}")
    columns: tuple[show.Column, ...] = (
        ("gate", "gate"), ("verdict", "verdict"), ("value", "value"), ("low", "low"), ("high", "high"), ("bound", "bound"),
        ("rows", "rows"), ("judged", show.time("judged_ms")),
    )  # fmt: skip
    show.rows(found, columns, False)

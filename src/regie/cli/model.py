"""`regie model ...`: versions with role, run and evidence. What serves is decided by the release turn, never here."""

from typing import TYPE_CHECKING, Any

import click

from regie.base.errors import NotFound
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client


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

"""`regie approval ...`: what waits for a person's decision, with its evidence, and the decision."""

from typing import TYPE_CHECKING, Any

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

COLUMNS: tuple[show.Column, ...] = (
    ("version", lambda one: f"{one['model']}@{one['version']}"), ("environment", "environment"), ("state", "state"),
    ("by", "role"), ("not by", lambda one: ", ".join(one["authors"])), ("until", show.time("deadline_ms")),
    ("decided", lambda one: show.when(one["decided_ms"]) if one["decided_by"] else ""), ("decided by", "decided_by"),
    ("reason", "reason"),
)  # fmt: skip
EVIDENCE: tuple[show.Column, ...] = (
    ("gate", "gate"), ("verdict", "verdict"), ("value", "value"), ("low", "low"), ("high", "high"), ("bound", "bound"),
    ("champion", "champion_value"), ("rows", "rows"), ("judged", show.time("judged_ms")),
)  # fmt: skip


@click.group()
def approval() -> None:
    """People's decisions on versions that passed their gates."""


@approval.command("list")
@click.option("--state", help="Only approvals in this state: pending, granted, refused, expired, superseded.")
@options.read
def listed(client: "Client", state: str | None, as_json: bool) -> None:
    """Newest first: who decides, who may not, until when."""
    show.rows(client.approvals.list(state), COLUMNS, as_json, empty="no approvals")


@approval.command("show")
@click.argument("version")
@options.read
def one(client: "Client", version: str, as_json: bool) -> None:
    """What to read before deciding on VERSION (MODEL@3): authors, evidence, what differs from the champion."""
    found = client.approvals.show(version)
    if as_json:
        show.data(found)
        return
    names = ("id", "environment", "state", "because", "role", "decided_by", "reason", "may_not", "package", "spec_digest")
    show.facts([("version", f"{found['model']}@{found['version']}"), *((name, found[name]) for name in names)])
    show.facts((name, show.when(found[f"{name}_ms"])) for name in ("requested", "deadline", "decided"))
    _table("authors, who may not decide", [{"actor": name, "because": why} for name, why in found["authors"].items()])
    _table(f"evidence against champion {found['champion'] or 'none'}", found["evidence"], EVIDENCE)
    _table("differences", [{"what": name, **both} for name, both in found["differences"].items()])
    _table("asked before of the same package", found["before"], COLUMNS)


@approval.command()
@click.argument("version")
@options.write
def grant(client: "Client", version: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Let VERSION (MODEL@3) be released; its rollout begins."""
    if not _would(client, "grant", version, dry_run):
        _told(client.approvals.grant(version, reason), as_json, "abort its rollout: regie rollout list")


@approval.command()
@click.argument("version")
@options.write
def refuse(client: "Client", version: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Never release VERSION (MODEL@3)."""
    if not _would(client, "refuse", version, dry_run):
        _told(
            client.approvals.refuse(version, options.needed(reason)), as_json, "a refused version stays refused; train a new one"
        )


def _would(client: "Client", verb: str, version: str, dry_run: bool) -> bool:
    """Say what would happen, if that is all that is wanted."""
    if dry_run:
        found = client.approvals.show(version)
        waits = found["state"] == "pending"
        said = (
            f"would be refused: {found['may_not']}" if found["may_not"] else f"would {verb} {version}, and record {found['id']}"
        )
        show.note(said if waits else f"would {verb} nothing: {version} is {found['state']}")
    return dry_run


def _told(answer: dict[str, Any], as_json: bool, undo: str) -> None:
    show.data(answer) if as_json else show.text(answer["id"])
    show.note(f"undo: {undo}")


def _table(title: str, found: list[dict[str, Any]], columns: tuple[show.Column, ...] | None = None) -> None:
    if found:
        show.text(f"\n{title}")
        show.rows(found, columns or tuple((name, name) for name in found[0]), False)

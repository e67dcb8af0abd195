"""`regie actor ...`: people with roles in a workspace, each with a first token.

A token is printed once, alone on stdout, so that it can be piped into a safe place; everything else goes to stderr.
"""

from typing import TYPE_CHECKING, Any

import click

from regie.base.errors import BadInput, NotFound
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

COLUMNS: tuple[show.Column, ...] = (
    ("actor", "name"), ("state", "state"), ("belongs to", lambda one: _place(one["workspace"])),
    ("may", lambda one: _grants(one, "allow")), ("denied", lambda one: _grants(one, "deny")),
    ("tokens", lambda one: sum(key["state"] == "active" for key in one["tokens"])), ("added", show.time("added_wall_ms")),
    ("by", "added_by"),
)  # fmt: skip
EVERYWHERE = click.option("--everywhere", is_flag=True, help="In every workspace, instead of one.")
EXPIRES = click.option("--expires", metavar="TIME", help="How long it is good, for example 90d; by default until revoked.")


@click.group()
def actor() -> None:
    """People and their roles."""


@actor.command("list")
@options.read
def listed(client: "Client", as_json: bool) -> None:
    """Every actor with its roles; the laptop's local user is not one of them."""
    show.rows(
        client.actors.list(),
        COLUMNS,
        as_json,
        empty="no actors: whoever works on this machine is the local user, with every role",
    )


@actor.command()
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, metavar="ROLE", help="viewer, scientist, engineer, validator or owner."
)
@click.option(
    "--deny", multiple=True, metavar="ACTION", help="An action, or a role's actions, taken away whatever other roles say."
)
@EVERYWHERE
@EXPIRES
@options.write
def add(
    client: "Client", name: str, roles: tuple[str, ...], deny: tuple[str, ...], everywhere: bool, expires: str | None, reason: str,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Add a person, or further roles of one, and print a token: now, and never again.

    The token opens the one workspace, or with --everywhere all of them.
    """
    expires_s = seconds(expires)
    where = "every workspace" if everywhere else f"workspace {client.workspace or 'personal'}"
    what = ", ".join(roles) + (f", but never {', '.join(deny)}" if deny else "") + f", in {where}"
    if dry_run:
        known = any(one["name"] == name for one in client.actors.list())
        show.note(f"would {'give' if known else 'add'} {name}: {what}, and make a token" + (f" for {expires}" if expires else ""))
        return
    made = client.actors.add(name, roles, deny=deny, everywhere=everywhere, expires_s=expires_s, reason=reason)
    show.data(made) if as_json else show.text(made["token"])
    show.note(f"{name} is {what}" + (f", until {show.when(made['until_wall_ms'])}" if made["until_wall_ms"] else ""))
    show.note("the token is shown this once; use it: export REGIE_TOKEN=...   (for mlflow: export MLFLOW_TRACKING_TOKEN=...)")
    show.note(f"undo: regie actor revoke {name} --reason ...")


@actor.command()
@click.argument("name")
@options.write
def revoke(client: "Client", name: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """End an actor with all roles and tokens, at once and for good."""
    if dry_run:
        found = next((one for one in client.actors.list() if one["name"] == name), None)
        if found is None:
            raise NotFound(f"there is no actor {name}", name, "regie actor list")
        show.note(f"would revoke {name}, with every role and token")
        return
    done = client.actors.revoke(name, options.needed(reason))
    show.data(done) if as_json else show.text(name)
    show.note("undo: none; a name is never used twice: regie actor add OTHER_NAME --role ...")


def seconds(text: str | None) -> int | None:
    """Of `--expires`. Raises BadInput."""
    if text is None:
        return None
    from regie.spec.phrases import parse_duration  # the grammar's durations, which other commands need not load
    from regie.spec.scanner import Malformed

    try:
        return max(1, parse_duration(text) // 1000)
    except Malformed as wrong:
        raise BadInput(f"{text!r} is not a time: {wrong}", "--expires", "write for example 90d or 8h") from None


def _grants(one: show.Row, effect: str) -> str:
    live = [each for each in one["grants"] if each["effect"] == effect and each["state"] == "active"]
    return ", ".join(f"{each['name']} ({_place(each['workspace'])})" for each in live)


def _place(workspace: Any) -> str:
    return "everywhere" if workspace == "*" else str(workspace)

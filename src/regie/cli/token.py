"""`regie token ...`: further tokens of a person, and taking all of them back.

A token is printed once, alone on stdout, so that it can be piped into a safe place; everything else goes to stderr.
"""

from typing import TYPE_CHECKING

import click

from regie.base.errors import NotFound
from regie.cli import options, show
from regie.cli.actor import EVERYWHERE, EXPIRES, seconds

if TYPE_CHECKING:
    from regie.client.http import Client
    from regie.client.nouns import Json


@click.group()
def token() -> None:
    """The tokens that people use."""


@token.command()
@click.argument("name")
@EVERYWHERE
@EXPIRES
@options.write
def create(client: "Client", name: str, everywhere: bool, expires: str | None, reason: str, dry_run: bool, as_json: bool) -> None:
    """Make another token of an actor and print it: now, and never again. The former ones stay good.

    It opens the one workspace, or with --everywhere every one that the actor has a role in.
    """
    expires_s = seconds(expires)
    place = client.workspace or "personal"
    where = "every workspace" if everywhere else f"workspace {place}"
    if dry_run:
        _known(client, name)
        show.note(f"would make a token of {name} for {where}" + (f", good for {expires}" if expires else ""))
        return
    made = client.actors.create_token(name, everywhere=everywhere, expires_s=expires_s, reason=reason)
    show.data(made) if as_json else show.text(made["token"])
    show.note(f"it is a token of {name} for {where}" + (f", until {show.when(made['until_wall_ms'])}" if expires_s else ""))
    show.note("it is shown this once; use it: export REGIE_TOKEN=...   (for mlflow: export MLFLOW_TRACKING_TOKEN=...)")
    show.note(f"undo: regie token revoke {name} --reason ...   (takes every token of {name} back)")
    if not everywhere and not _has_role(client, name, place):
        show.note(f"{name} has no role in {place}, so it opens nothing yet: name another workspace with -w, or regie actor add")


@token.command()
@click.argument("name")
@options.write
def revoke(client: "Client", name: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Take back every token of an actor, at once. The actor stays, with its roles."""
    if dry_run:
        show.note(f"would revoke {_good(client, name)} tokens of {name}")
        return
    done = client.actors.revoke_tokens(name, options.needed(reason))
    show.data(done) if as_json else show.text(str(done["revoked"]))
    show.note(f"{done['revoked']} tokens of {name} open nothing any more")
    there = f" --workspace {client.workspace}" if client.workspace else ""
    show.note(f"undo: none; make another one: regie token create {name}{there}")


def _known(client: "Client", name: str) -> "Json":
    """The actor, with its grants and tokens. Raises NotFound."""
    found = next((one for one in client.actors.list() if one["name"] == name), None)
    if found is None:
        raise NotFound(f"there is no actor {name}", name, "regie actor list")
    return found


def _has_role(client: "Client", name: str, workspace: str) -> bool:
    """Whether a token for this workspace opens anything."""
    return any(
        one["effect"] == "allow" and one["state"] == "active" and one["workspace"] in (workspace, "*")
        for one in _known(client, name)["grants"]
    )


def _good(client: "Client", name: str) -> int:
    """How many tokens of an actor are good. Raises NotFound."""
    return sum(key["state"] == "active" for key in _known(client, name)["tokens"])

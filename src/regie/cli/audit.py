"""`regie audit ...`: verify the chain through the server, or in a copy of the database without any server."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regie.base.errors import BadInput, NotFound
from regie.base.files import write_atomically
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client


@click.group()
def audit() -> None:
    """The audit log: verify, anchor, export."""


@audit.command()
@click.option(
    "--anchor", "anchor_file", type=click.Path(path_type=Path), help="What `regie audit anchor` wrote: finds a cut tail, too."
)
@click.option(
    "--database", metavar="URL", help="Verify this database itself, without a server: a URL, or a path to an SQLite file."
)
@options.SERVER
@options.JSON
def verify(anchor_file: Path | None, database: str | None, server: str | None, as_json: bool) -> None:
    """Recompute the whole chain. Exit code 1 names the first broken or missing record."""
    anchor = read_anchor(anchor_file) if anchor_file else None
    if database is None:
        with options.client(server, None) as client:
            found = client.audit.verify(anchor)
    else:
        from regie.cli.offline import verify_database  # a database's libraries are an extra of the client

        found = verify_database(database, anchor)
    if as_json:
        show.data(found)
    else:
        show.text(f"the chain holds: {found['records']} records, {found['events']} events, head {found['hash']}")


@audit.command("anchor")
@click.option("--file", type=click.Path(path_type=Path), help="Write it there, instead of to stdout.")
@click.option("--dry-run", is_flag=True, help="Print the anchor; write no file.")
@options.read
def anchor_command(client: "Client", file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Write the head of the chain, to be kept where the database is not."""
    found = client.audit.anchor()
    if file is None or dry_run:
        show.data(found)
        return
    write_atomically(file, json.dumps(found, indent=2) + "\n")
    show.data(found) if as_json else show.text(str(file))
    show.note(f"record {found['seq']} is anchored; check it with: regie audit verify --anchor {file}")


@audit.command()
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="Behind this sequence number.")
@click.option("--actor", help="Only what this actor did or tried.")
@click.option("--action", help="Only this action, for example rollout.abort.")
@click.option("--target", help="Only what was done to this thing.")
@click.option("--result", type=click.Choice(["done", "refused"]), help="Only what was done, or refused.")
@click.option("--here", is_flag=True, help="Only this workspace, also for those who see all of them.")
@options.FROM
@options.TO
@options.read
def export(
    client: "Client", after: int, actor: str | None, action: str | None, target: str | None, result: str | None, here: bool,
    from_time: str | None, to_time: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Every record as NDJSON, one per line."""
    sought = {"actor": actor, "action": action, "target": target, "result": result, "everywhere": False if here else None}
    for record in client.audit.records(after, **sought, **options.stretch(from_time, to_time)):
        show.line(record)


def read_anchor(file: Path) -> dict[str, Any]:
    """An anchor's file. Raises NotFound, BadInput."""
    do = "give a file that `regie audit anchor --file` wrote"
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound("there is no such file", str(file), do) from None
    except (OSError, ValueError) as wrong:
        raise BadInput(f"this is not an anchor: {wrong}", str(file), do) from wrong
    if not isinstance(found, dict) or not isinstance(found.get("seq"), int) or not isinstance(found.get("hash"), str):
        raise BadInput("this is not an anchor", str(file), do)
    return found

"""`regie event ...`: CloudEvents of a workspace, in the order in which they happened."""

import time
from typing import TYPE_CHECKING, Any

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

LOOK_S = 1.0
COLUMNS: tuple[show.Column, ...] = (
    ("seq", "sequence"), ("time", "time"), ("type", "type"), ("subject", "subject"), ("data", "data"), ("id", "id"),
)  # fmt: skip
TYPE = click.option("--type", "kinds", multiple=True, help="Only events of this type; of several, when repeated.")
WITHOUT = click.option("--without", "without", multiple=True, metavar="TYPE", help="No events of this type, as clock.advanced.")
SUBJECT = click.option("--subject", help="Only events of this thing.")
CORRELATION = click.option("--correlation", metavar="ID", help="Only what one first cause led to.")


@click.group()
def event() -> None:
    """What happened."""


@event.command("list")
@click.option("--after", type=int, help="Behind this sequence number; without it, the newest ones.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@TYPE
@WITHOUT
@SUBJECT
@CORRELATION
@options.FROM
@options.TO
@options.read
def listed(
    client: "Client", after: int | None, limit: int, kinds: tuple[str, ...], without: tuple[str, ...], subject: str | None,
    correlation: str | None, from_time: str | None, to_time: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Events, in order."""
    sought: dict[str, Any] = _sought(kinds, without, subject, correlation) | options.stretch(from_time, to_time)
    found = client.events.list(after, limit, **sought) if after is not None else client.events.newest(limit, **sought)
    show.rows(found, COLUMNS, as_json, empty="no events")


@event.command()
@click.option("--lines", "-n", default=10, show_default=True, type=click.IntRange(0, 10_000), help="How many old ones first.")
@click.option("--no-follow", is_flag=True, help="End after the old ones.")
@TYPE
@WITHOUT
@SUBJECT
@CORRELATION
@options.read
def tail(
    client: "Client", lines: int, no_follow: bool, kinds: tuple[str, ...], without: tuple[str, ...], subject: str | None,
    correlation: str | None, as_json: bool,
) -> None:  # fmt: skip
    """The newest events, and then each one as it happens, until Ctrl-C."""
    sought = _sought(kinds, without, subject, correlation)
    found = client.events.newest(max(lines, 1), **sought)
    last = int(found[-1]["sequence"]) if found else 0
    for one in found[-lines:] if lines else []:
        say(one, as_json)
    while not no_follow:
        time.sleep(LOOK_S)
        for one in client.events.all(last, **sought):
            say(one, as_json)
            last = int(one["sequence"])


def _sought(kinds: tuple[str, ...], without: tuple[str, ...], subject: str | None, correlation: str | None) -> dict[str, Any]:
    """As the API takes them."""
    return {"type": kinds or None, "without": without or None, "subject": subject, "correlation": correlation}


def say(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.line(one)
    else:
        show.text(f"{one['time']}  {one['type']}  {one['subject']}  {show.one(one.get('data') or '')}".rstrip())

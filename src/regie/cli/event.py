"""`regie event ...`: CloudEvents of a workspace, in the order in which they happened."""

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

LOOK_S = 1.0
COLUMNS: tuple[show.Column, ...] = (
    ("seq", "sequence"), ("time", "time"), ("type", "type"), ("subject", "subject"), ("data", "data"), ("id", "id"),
)  # fmt: skip
TYPE = click.option("--type", "kind", help="Only events of this type.")


@click.group()
def event() -> None:
    """What happened."""


@event.command("list")
@click.option("--after", type=int, help="Behind this sequence number; without it, the newest ones.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@TYPE
@options.read
def listed(client: "Client", after: int | None, limit: int, kind: str | None, as_json: bool) -> None:
    """Events, in order."""
    found = client.events.list(after, limit, kind) if after is not None else newest(client, limit, kind)
    show.rows(found, COLUMNS, as_json, empty="no events")


@event.command()
@click.option("--lines", "-n", default=10, show_default=True, type=click.IntRange(0, 10_000), help="How many old ones first.")
@click.option("--no-follow", is_flag=True, help="End after the old ones.")
@TYPE
@options.read
def tail(client: "Client", lines: int, no_follow: bool, kind: str | None, as_json: bool) -> None:
    """The newest events, and then each one as it happens, until Ctrl-C."""
    found = newest(client, max(lines, 1), kind)
    last = int(found[-1]["sequence"]) if found else 0
    for one in found[-lines:] if lines else []:
        say(one, as_json)
    while not no_follow:
        time.sleep(LOOK_S)
        for one in client.events.all(last, kind):
            say(one, as_json)
            last = int(one["sequence"])


def newest(client: "Client", limit: int, kind: str | None) -> list[dict[str, Any]]:
    """The last events, in order. The API reads forwards, so all pages are passed."""
    return list(deque(client.events.all(0, kind), maxlen=limit))


def say(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.line(one)
    else:
        show.text(f"{one['time']}  {one['type']}  {one['subject']}  {show.one(one.get('data') or '')}".rstrip())

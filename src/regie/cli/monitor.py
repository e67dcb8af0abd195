"""`regie monitor ...`: what production promises, what was measured, what broke."""

from typing import TYPE_CHECKING

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

COLUMNS: tuple[show.Column, ...] = (
    ("monitor", "monitor"), ("from", show.time("from_ms")), ("to", show.time("to_ms")), ("verdict", "verdict"),
    ("value", "value"), ("low", "low"), ("high", "high"), ("bound", "bound"), ("rows", "rows"),
)  # fmt: skip


@click.group()
def monitor() -> None:
    """Signals and breaches."""


@monitor.command("list")
@options.read
def listed(client: "Client", as_json: bool) -> None:
    """The newest signal of each monitor, with its open breach."""
    newest: dict[str, show.Row] = {}
    for signal in client.monitors.signals(limit=10_000):
        newest.setdefault(signal["monitor"], signal)
    broken = {one["monitor"]: one for one in client.monitors.breaches() if one.get("state") == "open"}
    found = [{**signal, "breach": broken.get(name)} for name, signal in newest.items()]
    breach: show.Column = ("breach", lambda one: show.when(one["breach"].get("opened_ms")) or "open" if one["breach"] else "")
    show.rows(found, (*COLUMNS, breach), as_json, empty="no signals yet")


@monitor.command("show")
@click.argument("name")
@click.option("--limit", default=20, show_default=True, help="How many signals.")
@options.read
def one(client: "Client", name: str, limit: int, as_json: bool) -> None:
    """The signals of one monitor, newest first."""
    show.rows(client.monitors.signals(name, limit), COLUMNS, as_json, empty=f"no signals of {name!r}")

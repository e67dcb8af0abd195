"""`regie dataset ...`: datasets, and the snapshots that were taken of them."""

from typing import TYPE_CHECKING

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client


@click.group()
def dataset() -> None:
    """Datasets and their snapshots."""


@dataset.command("list")
@options.read
def listed(client: "Client", as_json: bool) -> None:
    """The datasets of the applied regie.yaml."""
    columns: tuple[show.Column, ...] = (("dataset", "name"), ("source", "source"), ("time", "time"), ("label", _label))
    show.rows(client.datasets.list(), columns, as_json, empty="no datasets; `regie apply` brings them")


@dataset.command("show")
@click.argument("name")
@options.read
def one(client: "Client", name: str, as_json: bool) -> None:
    """A dataset with its snapshots, newest first."""
    found = client.datasets.show(name)
    if as_json:
        show.data(found)
        return
    snapshots = found.pop("snapshots")
    show.facts(found.items())
    show.text()
    columns: tuple[show.Column, ...] = (
        ("snapshot", lambda row: str(row.get("digest", ""))[:19]), ("rows", "rows"), ("as of", show.time("as_of_ms")),
        ("created", show.time("created_ms")), ("contract", _contract),
    )  # fmt: skip
    show.rows(snapshots, columns, False, empty="no snapshots")


def _label(row: show.Row) -> str:
    label = row.get("label")
    return str(label.get("column", "")) if isinstance(label, dict) else str(label or "")


def _contract(row: show.Row) -> str:
    broken = row.get("broken", row.get("problems"))
    return "" if broken is None else "kept" if not broken else show.one(broken)

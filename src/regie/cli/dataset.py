"""`regie dataset ...`: datasets, and the snapshots that were taken of them."""

from typing import TYPE_CHECKING

import click

from regie.base.clock import wall_ms
from regie.base.errors import NotFound
from regie.cli import options, show
from regie.cli.options import parse_time
from regie.spec.load import load_with_positions

if TYPE_CHECKING:
    from regie.client.http import Client

BROKEN: tuple[show.Column, ...] = (
    ("rule", "rule"), ("column", "column"), ("rows", "rows"), ("examples: row, value", "examples"), ("seen", "seen"),
)  # fmt: skip


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


@dataset.command()
@click.argument("name")
@click.option("--at", "at", metavar="TIME", help="See the source as of this time; without it, as of now.")
@options.JSON
def check(name: str, at: str | None, as_json: bool) -> int:
    """Check a dataset of this project against its contract. Needs no server; stores nothing.

    Exit code 3 if a rule is broken.
    """
    from regie.data.snapshots import seen  # reading tables is an extra of the client

    loaded = load_with_positions(options.project())
    if name not in loaded.spec.data:
        raise NotFound(f"there is no dataset {name!r}", loaded.positions.file, f"one of {', '.join(loaded.spec.data) or 'none'}")
    _, report = seen(name, loaded.spec.data[name], loaded.root, parse_time(at, "--at") if at else wall_ms())
    if as_json:
        show.data(report.to_json())
    else:
        show.rows([one.to_json() for one in report.broken], BROKEN, False, empty=f"the contract is kept by {report.rows} rows")
    return 0 if report.ok else 3


@dataset.command()
@click.argument("name")
@options.read
def label(client: "Client", name: str, as_json: bool) -> None:
    """State the labels of a dataset's mature rows, by key and time; of those only what is new or has changed."""
    done = client.datasets.label(name)
    if as_json:
        show.data(done)
    else:
        show.facts(done.items())


def _label(row: show.Row) -> str:
    label = row.get("label")
    return str(label.get("column", "")) if isinstance(label, dict) else str(label or "")


def _contract(row: show.Row) -> str:
    broken = (row.get("contract") or {}).get("broken") or []
    return f"{row.get('state', '')}" + "".join(f"; {one['rule']}: {one['rows']} rows" for one in broken)

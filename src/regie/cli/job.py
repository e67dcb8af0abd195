"""`regie job ...`: durable background work."""

from typing import TYPE_CHECKING

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

COLUMNS: tuple[show.Column, ...] = (
    ("job", "id"), ("kind", "kind"), ("state", "state"), ("attempts", "attempts"), ("error", "error"),
)  # fmt: skip


@click.group()
def job() -> None:
    """Background work."""


@job.command("list")
@click.option("--state", help="Only jobs in this state.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@options.read
def listed(client: "Client", state: str | None, limit: int, as_json: bool) -> None:
    """Newest first."""
    show.rows(client.jobs.list(state, limit), COLUMNS, as_json, empty="no jobs")


@job.command("show")
@click.argument("job_id")
@options.read
def one(client: "Client", job_id: str, as_json: bool) -> None:
    """One job with its arguments."""
    found = client.jobs.show(job_id)
    show.data(found) if as_json else show.facts(found.items())

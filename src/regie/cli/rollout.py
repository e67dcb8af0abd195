"""`regie rollout ...`: staged releases; a person can pause, resume and abort one, never start or skip."""

from typing import TYPE_CHECKING

import click

from regie.base.errors import Conflict
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

COLUMNS: tuple[show.Column, ...] = (
    ("rollout", "id"), ("endpoint", "endpoint"), ("version", lambda one: f"{one['model']}@{one['version']}"), ("state", "state"),
    ("stage", "stage"), ("paused", "paused"), ("entered", show.time("entered_ms")), ("because", "because"),
    ("guards", lambda one: ", ".join(_guard(figure) for figure in one.get("figures", []))),
)  # fmt: skip
GUARDS: tuple[show.Column, ...] = (
    ("guard", "guard"), ("value", "value"), ("windows", "windows"), ("broken windows", "broken_windows"), ("broken", "broken"),
)  # fmt: skip
POSSIBLE = {"pause": ("running",), "resume": ("running",), "abort": ("waiting", "running")}
UNDO = {
    "pause": "regie rollout resume {id} --reason ...",
    "resume": "regie rollout pause {id} --reason ...",
    "abort": "an aborted rollout does not come back; a new challenger may",
}


@click.group()
def rollout() -> None:
    """Staged releases."""


@rollout.command("list")
@click.option("--state", help="Only rollouts in this state: waiting, running, finished, aborted, superseded.")
@options.read
def listed(client: "Client", state: str | None, as_json: bool) -> None:
    """Newest first."""
    show.rows(client.rollouts.list(state), COLUMNS, as_json, empty="no rollouts")


@rollout.command("show")
@click.argument("rollout_id")
@options.read
def one(client: "Client", rollout_id: str, as_json: bool) -> None:
    """One rollout: its stages, its guards, where it stands."""
    found = client.rollouts.show(rollout_id)
    if as_json:
        show.data(found)
        return
    times = ("entered_ms", "created_ms", "started_ms", "ended_ms")
    apart = ("guards", "figures", "damage", *times)
    show.facts((name, value) for name, value in found.items() if name not in apart)
    show.facts((name.removesuffix("_ms"), show.when(found.get(name))) for name in times)
    figures = found["figures"] or [{"guard": text} for text in found["guards"]]
    show.text()
    show.rows(figures, GUARDS, False, empty="no guards are promised")
    cost = {name: value for name, value in found["damage"].items() if value not in (None, 0, "")}
    if cost:
        show.text("\ndamage")
        show.facts(cost.items())


def _guard(figure: show.Row) -> str:
    value = "no figure yet" if figure.get("value") is None else f"now {figure['value']:.4g}"
    return f"{figure['guard']} ({value}{', BROKEN' if figure.get('broken') else ''})"


@rollout.command()
@click.argument("rollout_id")
@options.write
def pause(client: "Client", rollout_id: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Stay in the stage; guards go on, and abort if they are broken."""
    _do(client, "pause", rollout_id, reason, dry_run, as_json)


@rollout.command()
@click.argument("rollout_id")
@options.write
def resume(client: "Client", rollout_id: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Go on with a paused rollout."""
    _do(client, "resume", rollout_id, reason, dry_run, as_json)


@rollout.command()
@click.argument("rollout_id")
@options.write
def abort(client: "Client", rollout_id: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Send all traffic back to the champion; withdraw a rollout that waits."""
    _do(client, "abort", rollout_id, reason, dry_run, as_json)


def _do(client: "Client", verb: str, rollout_id: str, reason: str, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        found = client.rollouts.show(rollout_id)
        where = f"{found['model']}@{found['version']}, {found['state']} in {found['stage']}"
        if found["state"] not in POSSIBLE[verb]:
            raise Conflict(f"{verb} would be refused: it is {found['state']}", where, "regie rollout list")
        show.note(f"would {verb} {rollout_id}: {where}")
        return
    answer = {"pause": client.rollouts.pause, "resume": client.rollouts.resume, "abort": client.rollouts.abort}[verb](
        rollout_id, options.needed(reason)
    )
    show.data(answer) if as_json else show.text(rollout_id)
    show.note(f"undo: {UNDO[verb].format(id=rollout_id)}")

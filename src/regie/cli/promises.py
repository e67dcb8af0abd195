"""`regie check`, `plan`, `apply`: what regie.yaml promises, what changes by applying it, and applying it.

`check` needs no server. Nothing is applied while one problem is left; exit code 2 then.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from regie.base.errors import Conflict
from regie.cli import options, show
from regie.client import git
from regie.pipelines.project import pack
from regie.spec import check as checking
from regie.spec.load import FILE, Loaded, load_with_positions
from regie.spec.plan import Plan
from regie.spec.plan import plan as planned
from regie.spec.read import from_json
from regie.spec.schema import json_schema

if TYPE_CHECKING:
    from regie.client.http import Client

FILE_ARGUMENT = click.argument("file", required=False, type=click.Path(path_type=Path))
COLUMNS: tuple[show.Column, ...] = (
    ("change", "kind"), ("promise", "identity"), ("before", "before"), ("after", "after"), ("follows", "consequence"),
)  # fmt: skip


@click.command()
@FILE_ARGUMENT
@click.option("--schema", is_flag=True, help="Print the JSON Schema of regie.yaml, for an editor, and check nothing.")
@options.JSON
def check(file: Path | None, schema: bool, as_json: bool) -> int:
    """Check regie.yaml, and say when each gate, guard and monitor can be answered at the earliest.

    FILE is a regie.yaml or its folder. Needs no server. Exit code 2 if anything is wrong.
    """
    if schema:
        show.data(json_schema())
        return 0
    loaded = load_with_positions(_path(file))
    checked = checking.check(loaded)
    if as_json:
        show.data(checked.to_json())
        return 2 if checked.problems else 0
    _warn(checked)
    checked.refuse()
    for answer in checked.answers:
        show.text(answer.text)
    show.note(f"{loaded.positions.file} is right: workspace {loaded.spec.workspace}")
    return 0


@click.command()
@FILE_ARGUMENT
@options.SERVER
@options.JSON
def plan(file: Path | None, server: str | None, as_json: bool) -> None:
    """Show what applying regie.yaml would change, and what follows from it."""
    loaded = _checked(file)
    with options.client(server, loaded.spec.workspace) as client:
        found = _plan(client, loaded)
    if as_json:
        show.data(found.to_json())
        return
    _say(found)
    show.note(f"apply exactly this: regie apply --plan {found.digest}")


@click.command()
@FILE_ARGUMENT
@click.option("--plan", "wanted", metavar="HASH", help="Apply only if the plan is still this one.")
@click.option("--reason", default="", help="Kept in the audit record.")
@options.DRY_RUN
@options.SERVER
@options.JSON
def apply(file: Path | None, wanted: str | None, reason: str, dry_run: bool, server: str | None, as_json: bool) -> None:
    """Apply regie.yaml to its workspace, with the project's code.

    The workspace is the one that the file names.
    """
    loaded = _checked(file)
    with options.client(server, loaded.spec.workspace) as client:
        found = _plan(client, loaded)
        if wanted is not None and wanted not in (found.digest, found.digest.removeprefix("sha256:")):
            raise Conflict(f"the plan is no longer {wanted}; it is {found.digest}", loaded.positions.file, "regie plan")
        if dry_run:
            show.data(found.to_json()) if as_json else _say(found)
            return
        answer = client.apply(
            loaded.spec.to_json(), root=str(loaded.root), code=pack(loaded.root), git=git.facts(loaded.root), reason=reason
        )
    if as_json:
        show.data(answer)
        return
    if not answer["changed"]:
        show.note(f"nothing changed: {loaded.spec.workspace} has this regie.yaml and this code")
        return
    show.text(answer.get("event") or answer["digest"])
    show.note(f"applied to workspace {loaded.spec.workspace}; undo: apply the former {FILE}")


def _path(file: Path | None) -> Path:
    return options.project() if file is None else file


def _checked(file: Path | None) -> Loaded:
    """The promises, all of which can be kept. Raises SpecError."""
    loaded = load_with_positions(_path(file))
    checked = checking.check(loaded)
    _warn(checked)
    checked.refuse()
    return loaded


def _warn(checked: checking.Checked) -> None:
    for warning in checked.warnings:
        show.note(f"warning: {warning.text}")


def _plan(client: "Client", loaded: Loaded) -> Plan:
    applied = client.spec()
    return planned(from_json(applied["document"]) if applied else None, loaded.spec)


def _say(found: Plan) -> None:
    show.rows([change.to_json() for change in found.changes], COLUMNS, False, empty="no promise changes")

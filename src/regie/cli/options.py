"""What commands share: the options that name a server and a workspace, of reads and of writes.

`@read` adds --json, `@write` adds --reason, --dry-run and --json; both give the command a `Client` as its first argument.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regie.base.clock import parse_iso
from regie.base.errors import BadInput, NotFound
from regie.base.settings import resolve

if TYPE_CHECKING:
    from regie.client.http import Client

Command = Callable[..., Any]

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
SERVER = click.option("--server", metavar="URL", help="The server's address.  [REGIE_SERVER]")
WORKSPACE = click.option(
    "--workspace", "-w", metavar="NAME", help="The workspace; by default that of regie.yaml.  [REGIE_WORKSPACE]"
)


def read(function: Command) -> Command:
    """A command that asks the server and changes nothing."""
    return SERVER(WORKSPACE(JSON(with_client(function))))


def write(function: Command) -> Command:
    """A command that changes something on the server."""
    reason = click.option("--reason", default="", help="Kept in the audit record.")
    return SERVER(WORKSPACE(reason(DRY_RUN(JSON(with_client(function))))))


def with_client(function: Command) -> Command:
    """Give the command a client in place of its --server and --workspace."""

    @functools.wraps(function)
    def call(*args: Any, server: str | None, workspace: str | None, **kwargs: Any) -> Any:
        with client(server, workspace) as connected:
            return function(connected, *args, **kwargs)

    return call


def client(server: str | None, workspace: str | None) -> "Client":
    """A client by flags and settings."""
    from regie.client.http import Client  # an HTTP library costs 60 ms, which `--help` and `check` need not pay

    settings = resolve({"server": server, "workspace": workspace})
    return Client(settings.server, settings.workspace, settings.token)


def project() -> Path:
    """The folder of the nearest regie.yaml upwards. Raises NotFound."""
    folder = resolve().project
    if folder is None:
        raise NotFound(
            "there is no regie.yaml here or above", str(Path.cwd()), "go to the project's folder, or `regie init NAME`"
        )
    return folder


def needed(reason: str) -> str:
    """A reason that says something. Raises UsageError."""
    if not reason.strip():
        raise click.UsageError("a reason is needed, which the audit record keeps: add --reason TEXT")
    return reason


def parse_time(text: str, flag: str) -> int:
    """Milliseconds of a time on the command line. Raises BadInput."""
    try:
        return parse_iso(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a time", flag, "write for example 2013-01-01 or 2013-01-01T06:00:00Z") from None


FROM = click.option("--from", "from_time", metavar="TIME", help="Only from this time on.")
TO = click.option("--to", "to_time", metavar="TIME", help="Only before this time.")


def stretch(from_time: str | None, to_time: str | None) -> dict[str, int | None]:
    """`--from` and `--to` as the API takes them. Raises BadInput."""
    return {
        "from_ms": parse_time(from_time, "--from") if from_time else None,
        "to_ms": parse_time(to_time, "--to") if to_time else None,
    }

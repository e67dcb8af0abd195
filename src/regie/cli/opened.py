"""`regie open`: a link that signs its person in at the control room, and a browser with it where there is a screen.

The link has a code that works once, for a quarter of an hour: never the token.
"""

import os
import sys
import webbrowser
from typing import TYPE_CHECKING

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client


@click.command("open")
@click.argument("path", default="/", metavar="[PATH]")
@click.option("--no-browser", is_flag=True, help="Print the link only.")
@options.read
def opened(client: "Client", path: str, no_browser: bool, as_json: bool) -> None:
    """Sign in at the control room: print a link that works once, for 15 minutes, and open it.

    It signs in the person of REGIE_TOKEN; without a token, on a laptop, the local user. PATH: where to go then, for example
    /w/churn/runs.
    """
    if not path.startswith("/") or path.startswith("//"):
        raise click.UsageError(f"PATH is a path of the control room, for example /w/churn/runs, not {path!r}")
    made = client.sessions.link(path)
    show.data(made) if as_json else show.text(made["link"])
    sys.stdout.flush()
    show.note("it works once, for 15 minutes")
    if not (no_browser or as_json) and has_screen():
        webbrowser.open(made["link"])


def has_screen() -> bool:
    """Whether a person sits before this machine: a link that is piped, or asked for over ssh, is opened by whoever asked."""
    screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen) and sys.stdout.isatty() and "SSH_CONNECTION" not in os.environ

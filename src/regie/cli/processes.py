"""`regie up`, and the three processes alone: `server`, `worker`, `serve`."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from regie.base.clock import iso
from regie.base.loading import loading
from regie.base.processes import end_with, leave, stacks_on_request
from regie.base.settings import Settings, resolve
from regie.cli import options, show

HOME = click.option("--home", type=click.Path(path_type=Path), help="The folder of its state.  [REGIE_HOME, default .regie]")
REPLAY = click.option("--replay-from", metavar="TIME", help="A new home gets a clock that replays drive, starting then.")


@click.command()
@HOME
@click.option("--port", type=click.IntRange(1, 65535), help="Of the server.  [REGIE_PORT, default 8700]")
@click.option("--serve-port", type=click.IntRange(1, 65535), help="Of serve.  [REGIE_SERVE_PORT, default 8701]")
@REPLAY
@click.option("--detach", is_flag=True, help="Return when everything answers; it goes on in the background.")
@click.option("--detached", is_flag=True, hidden=True, help="What --detach says to the process in the background.")
def up(home: Path | None, port: int | None, serve_port: int | None, replay_from: str | None, detach: bool, detached: bool) -> int:
    """Run server, worker and serve on this machine, until Ctrl-C.

    Prints a link that signs you in at the control room, once; `regie open` prints another. What dies is started again. Logs are in HOME/logs.
    """
    from regie.app import up as supervisor  # its processes are an extra of the client

    settings = resolve({"home": home, "port": port, "serve_port": serve_port})
    folder = settings.home.resolve()
    start = iso(options.parse_time(replay_from, "--replay-from")) if replay_from else None
    if not detach:
        return supervisor.up(supervisor.Plan(folder, settings.port, settings.serve_port, start, invites=not detached), say)
    words = ["--home", str(folder), "--port", str(settings.port), "--serve-port", str(settings.serve_port)]
    folder.mkdir(parents=True, exist_ok=True)
    pid = supervisor.detach([*words, *(["--replay-from", start] if start else [])], folder)
    show.text(str(pid))
    address = f"http://127.0.0.1:{settings.port}"
    show.note(f"server  {address}\n{supervisor.invitation(address)}\nend it: kill {pid}")
    return 0


@click.command()
@HOME
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="[REGIE_PORT, default 8700]")
@REPLAY
def server(home: Path | None, host: str, port: int | None, replay_from: str | None) -> NoReturn:
    """Run the control plane alone: the API and the turns."""
    with loading():
        from regie.app.home import open_home  # an extra of the client
        from regie.app.server import serve as run_server

    settings = _started({"home": home, "port": port})
    start_ms = options.parse_time(replay_from, "--replay-from") if replay_from else None
    leave(run_server(open_home(settings.home, start_ms), host, settings.port))


@click.command()
@HOME
@options.SERVER
def worker(home: Path | None, server: str | None) -> NoReturn:
    """Run one worker alone: it takes jobs from the database of the home."""
    with loading():
        from regie.app.home import open_home  # an extra of the client
        from regie.app.worker import work

    settings = _started({"home": home, "server": server})
    leave(work(open_home(settings.home), settings.server))


@click.command()
@click.option("--home", type=click.Path(path_type=Path), help="The folder of its routes, models and log.  [default HOME/serve]")
@options.SERVER
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="[REGIE_SERVE_PORT, default 8701]")
def serve(home: Path | None, server: str | None, host: str, port: int | None) -> NoReturn:
    """Run the data plane alone: it answers requests, with or without a server."""
    with loading():
        from regie.serving.process import main  # an extra of the client

    settings = _started({"server": server, "serve_port": port})
    folder = home or settings.home / "serve"
    leave(main(folder, settings.server, host, settings.serve_port, os.environ.get("REGIE_NODE_TOKEN") or settings.token))


def say(words: str) -> None:
    """What `up` tells: its addresses are data, all else are notes."""
    (show.text if words.startswith("server  http") else show.note)(words)
    sys.stdout.flush()


def _started(flags: dict[str, object]) -> Settings:
    """The settings of a process; one that `up` started ends with it."""
    stacks_on_request()
    if os.environ.pop("REGIE_ENDS_WITH_PARENT", ""):
        end_with(sys.stdin.fileno())
    return resolve(flags)

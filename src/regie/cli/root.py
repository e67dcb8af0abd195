"""`regie`: the table of commands, and the one place where errors become text and exit codes.

A command's module is imported when the command is called, so that `regie --help` stays within 150 ms of CPU. Exit codes: 0 done,
1 failed, 2 usage, 3 refused by a gate, guard or contract, 4 not allowed, 5 not found, 6 server unreachable, 130 interrupted.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import click

from regie.base.errors import MissingExtra, RegieError

# name: (module, attribute, what it does); in the order of a first day.
BARE = {
    "init": ("regie.cli.init", "init", "Make a project that runs."),
    "up": ("regie.cli.processes", "up", "Run server, worker and serve on this machine."),
    "open": ("regie.cli.opened", "opened", "Sign in at the control room, in a browser."),
    "demo": ("regie.cli.demo", "demo", "Play the whole loop on real data."),
    "check": ("regie.cli.promises", "check", "Check regie.yaml, and say when each promise can be answered."),
    "plan": ("regie.cli.promises", "plan", "Show what applying regie.yaml would change."),
    "apply": ("regie.cli.promises", "apply", "Apply regie.yaml to its workspace."),
    "status": ("regie.cli.loop", "status", "Show where the loop stands, and why it is quiet."),
    "why": ("regie.cli.loop", "why", "Show what led to a thing."),
    "gc": ("regie.cli.gc", "gc", "Remove for good what was deleted, and blobs that nothing names."),
    "import": ("regie.cli.transfer", "imported", "Bring what an MLflow server tracks."),
    "export": ("regie.cli.transfer", "exported", "Give an MLflow server what is tracked here."),
    "doctor": ("regie.cli.doctor", "doctor", "Show versions, settings with their origin, and what answers."),
}
NOUNS = {
    "pipeline": ("regie.cli.run", "pipeline", "Run pipelines."),
    "run": ("regie.cli.run", "run", "Executions of pipelines, and all else that is tracked."),
    "model": ("regie.cli.model", "model", "Models, their versions and evidence."),
    "approval": ("regie.cli.approval", "approval", "People's decisions on versions."),
    "rollout": ("regie.cli.rollout", "rollout", "Staged releases."),
    "dataset": ("regie.cli.dataset", "dataset", "Datasets and their snapshots."),
    "monitor": ("regie.cli.monitor", "monitor", "Signals and breaches."),
    "event": ("regie.cli.event", "event", "What happened."),
    "job": ("regie.cli.job", "job", "Background work."),
    "actor": ("regie.cli.actor", "actor", "People and their roles."),
    "token": ("regie.cli.token", "token", "The tokens that people use."),
    "audit": ("regie.cli.audit", "audit", "The audit log: verify, anchor, export."),
}
PROCESSES = {
    "server": ("regie.cli.processes", "server", "Run the control plane alone."),
    "worker": ("regie.cli.processes", "worker", "Run one worker alone."),
    "serve": ("regie.cli.processes", "serve", "Run the data plane alone."),
}
SECTIONS = {"Daily": BARE, "Things": NOUNS, "Processes": PROCESSES}
COMMANDS = BARE | NOUNS | PROCESSES


class Root(click.Group):
    """The group of all commands; each is loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not there(cmd_name):
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            raise click.UsageError(f"there is no command {args[0]!r}" + (f"; write {near[0]}" if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table, so that no command's module is imported to say what it does.
        for title, table in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, does) for name, (_, _, does) in table.items() if there(name)])


def there(name: str) -> bool:
    """Whether the command is part of this installation."""
    module = COMMANDS[name][0]
    return name != "demo" or importlib.util.find_spec(module) is not None


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="regie", message="%(prog)s %(version)s")
def root() -> None:
    """Regie runs a model's whole loop, from data to production and back, as code.

    Settings: flag, then REGIE_*, then regie.yaml, then ~/.config/regie/config.toml, then default; `regie doctor` shows them.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    try:
        sys.exit(run(args))
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def run(args: Sequence[str] | None) -> int:
    """Run one command; its exit code. A command returns None or its code."""
    try:
        code: Any = root.main(None if args is None else list(args), "regie", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except RegieError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except ModuleNotFoundError as missing:
        # The client alone is installed, and the command needs a process's libraries.
        if extra := EXTRAS.get((missing.name or "").partition(".")[0]):
            click.echo(str(MissingExtra(missing.name or "", extra)), err=True)
            return MissingExtra.exit_code
        raise
    except BrokenPipeError:
        raise
    except OSError as wrong:
        # A folder that cannot be written, a full disk: a person's matter, not a fault of the program.
        click.echo(f"{wrong.filename or 'regie'}: {wrong.strerror or wrong}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    return code if isinstance(code, int) else 0


EXTRAS = dict.fromkeys(("sqlalchemy", "alembic", "fastapi", "pyarrow", "psycopg", "cronsim"), "server") | dict.fromkeys(
    ("uvicorn", "uvloop", "httptools", "numpy"), "serve"
)

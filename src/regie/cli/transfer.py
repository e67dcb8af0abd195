"""`regie import mlflow URL` and `regie export mlflow URL`: what is tracked comes from an MLflow server, and goes back to one.

The other server knows us by the variables of MLflow's own client (MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD), ours by REGIE_TOKEN. Exit codes: 0 all was moved, 1 something was refused, or as `regie` ends elsewhere.
"""

import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from regie.base.clock import monotonic
from regie.base.errors import NotFound
from regie.base.settings import resolve
from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.mlflow.report import Report, Wish
    from regie.client.mlflow.wire import Wire

QUIET_S, DRAWN_S = 10.0, 0.2  # where nobody watches, one line in ten seconds
SHOWN = 20
COUNTED = (
    ("experiments", "experiments"), ("runs", "runs"), ("points", "points of metrics"), ("logged_models", "logged models"),
    ("models", "registered models"), ("versions", "versions"), ("aliases", "aliases"), ("traces", "traces"), ("files", "files"),
)  # fmt: skip


@click.group("import")
def imported() -> None:
    """Bring what an MLflow server tracks."""


@click.group("export")
def exported() -> None:
    """Give an MLflow server what is tracked here."""


def transfer(function: Callable[..., Any]) -> Callable[..., Any]:
    """What import and export have in common."""
    for option in (
        options.JSON,
        options.DRY_RUN,
        click.option("--no-artifacts", is_flag=True, help="Leave files out, and with them registered models."),
        click.option("--since", metavar="TIME", help="Only runs that started since, and what a chosen thing needs."),
        click.option(
            "--model", "models", multiple=True, metavar="NAME", help="Only this registered model, with its runs. Repeatable."
        ),
        click.option("--experiment", "experiments", multiple=True, metavar="NAME", help="Only this experiment. Repeatable."),
        options.WORKSPACE,
        options.SERVER,
        click.argument("url", metavar="URL"),
    ):
        function = option(function)
    return function


@imported.command("mlflow")
@transfer
def from_mlflow(url: str, server: str | None, workspace: str | None, as_json: bool, **chosen: Any) -> int:
    """Import from the MLflow server at URL.

    Experiments, runs, artifacts, logged and registered models, traces. Give it again to go on, or to bring what is new.
    """
    from regie.client.mlflow.wire import other  # an HTTP library costs 60 ms, which `--help` need not pay

    wish = _wish(False, **chosen)
    with closing(other(url)) as source, closing(_ours(server, workspace)) as target:
        return _moved(source, target, wish, as_json, "import")


@exported.command("mlflow")
@transfer
def to_mlflow(url: str, server: str | None, workspace: str | None, as_json: bool, **chosen: Any) -> int:
    """Export to the MLflow server at URL.

    Experiments, runs, artifacts, logged and registered models, traces. Give it again to go on, or to bring what is new.
    """
    from regie.client.mlflow.wire import other

    wish = _wish(True, **chosen)
    with closing(other(url)) as target, closing(_ours(server, workspace)) as source:
        return _moved(source, target, wish, as_json, "export")


def _ours(server: str | None, workspace: str | None) -> "Wire":
    """Our server. Raises NotFound for a workspace that is not there: a word mistyped would fill a new one."""
    from regie.client.http import RemoteError
    from regie.client.mlflow.wire import ours

    settings = resolve({"server": server, "workspace": workspace})
    wire = ours(settings.server, settings.workspace, settings.token)
    try:
        if settings.workspace:
            wire.get(f"/api/3.0/mlflow/workspaces/{settings.workspace}")
    except RemoteError as error:
        wire.close()
        if error.status != 404:
            raise
        do = "`regie apply` makes it, and mlflow.create_workspace does"
        raise NotFound(f"there is no workspace {settings.workspace}", settings.server, do) from error
    return wire


def _wish(
    regie_tags: bool, experiments: tuple[str, ...], models: tuple[str, ...], since: str | None, no_artifacts: bool, dry_run: bool
) -> "Wish":
    from regie.client.mlflow.report import Wish

    since_ms = options.parse_time(since, "--since") if since else None
    return Wish(experiments, models, since_ms, not no_artifacts, dry_run, regie_tags)


def _moved(source: "Wire", target: "Wire", wish: "Wish", as_json: bool, verb: str) -> int:
    from regie.client.mlflow.copy import copy
    from regie.client.mlflow.report import Report

    progress = Progress()
    report = Report(progress.tell)
    try:
        copy(source, target, wish, report)
    finally:
        progress.end()
    if as_json:
        show.data({"source": source.url, "target": target.url, "dry_run": wish.dry_run, **report.data()})
    else:
        _said(report, wish, verb)
    return 1 if report.refused else 0


def _said(report: "Report", wish: "Wish", verb: str) -> None:
    """The summary in words."""
    counts = report.counts
    for name, title in COUNTED:
        there = counts[f"{name}_there"]
        if counts[name] or there:
            show.text(
                f"{title}: {counts[name]:,} {'to do' if wish.dry_run else 'moved'}"
                + (f", {there:,} there already" if there else "")
            )
    if not any(counts[name] + counts[f"{name}_there"] for name, _ in COUNTED):
        show.text(f"nothing to {verb}")
    for name, old, new in report.renumbered:
        show.text(f"version {name}@{old} is {name}@{new} there")
    for what, count in sorted(report.left.items()):
        show.text(f"left out: {count:,} {what}")
    _listed("kept as the target has it", report.kept)
    _listed("refused", report.refused)
    if not wish.dry_run:
        show.note(f"{_size(counts['bytes'])} in {report.took_s:.1f} s")


def _listed(title: str, found: Any) -> None:
    for one in found[:SHOWN]:
        show.text(f"{title}: {one.thing}: {one.why}" + (f" ({one.do})" if one.do else ""))
    if len(found) > SHOWN:
        show.text(f"{title}: {len(found) - SHOWN:,} more, which --json lists")


class Progress:
    """On stderr: on a terminal one line that changes, elsewhere one in ten seconds."""

    def __init__(self) -> None:
        self._terminal, self._spoke, self._drawn = sys.stderr.isatty(), monotonic(), False

    def tell(self, report: "Report") -> None:
        now = monotonic()
        if now - self._spoke < (DRAWN_S if self._terminal else QUIET_S):
            return
        self._spoke = now
        counts = report.counts
        words = [
            f"{counts[name] + counts[f'{name}_there']:,} {title}"
            for name, title in COUNTED
            if counts[name] or counts[f"{name}_there"]
        ]
        line = f"{', '.join(words)}, {_size(counts['bytes'])}; {report.at}"
        if self._terminal:
            self._drawn = True
            click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", err=True, nl=False)
        else:
            show.note(line)

    def end(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)


def _size(count_bytes: int) -> str:
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count_bytes >= size:
            return f"{count_bytes / size:.1f} {unit}"
    return f"{count_bytes} bytes"

"""`regie pipeline ...` and `regie run ...`: start executions of pipelines, look at them, end them."""

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from regie.base.clock import monotonic
from regie.base.errors import BadInput, NotFound, RegieError
from regie.cli import options, show, tracked
from regie.client import git
from regie.pipelines.project import pack

if TYPE_CHECKING:
    from regie.client.http import Client

LOOK_S = 0.5
QUIET_S = 10.0  # where nobody watches, one line in ten seconds
ENDED = ("finished", "failed", "cancelled")
CONTRACT_BROKEN = "data.contract_broken"
WAIT = click.option("--wait", is_flag=True, help="Wait; the exit code is the outcome: 0 finished, 1 failed, 3 contract broken.")
COLUMNS: tuple[show.Column, ...] = (
    ("run", "run_id"), ("pipeline", "pipeline"), ("state", "state"), ("created", show.time("created_ms")),
    ("ended", show.time("ended_ms")), ("reason", "reason"),
)  # fmt: skip


@click.group()
def pipeline() -> None:
    """Run pipelines."""


@pipeline.command("list")
@options.read
def pipelines(client: "Client", as_json: bool) -> None:
    """The pipelines of the applied regie.yaml."""
    columns: tuple[show.Column, ...] = (("pipeline", "name"), ("runs", "run"), ("windows", lambda one: ", ".join(one["windows"])))
    show.rows(client.pipelines.list(), columns, as_json, empty="no pipelines")


@pipeline.command("run")
@click.argument("name")
@click.option("-p", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; its value is JSON or a text.")
@WAIT
@options.write
def run_pipeline(
    client: "Client", name: str, params: tuple[str, ...], wait: bool, reason: str, dry_run: bool, as_json: bool
) -> int:
    """Run a pipeline with the code of this project."""
    folder = options.project()
    code, facts, values = pack(folder), git.facts(folder), dict(parameter(one) for one in params)
    if dry_run:
        show.note(f"would run {name} with {values or 'no parameters'} and {len(code):,} bytes of code from {folder}")
        return 0
    since = client.audit.anchor()["seq"] if wait else 0
    started = client.pipelines.run(name, values, code_digest=client.blobs.put(code), git=facts, reason=reason)
    return _told(client, started, since, wait, as_json)


def _told(client: "Client", started: dict[str, Any], since: int, wait: bool, as_json: bool) -> int:
    """Say which run was queued; with `wait`, what became of it."""
    run_id = str(started["run_id"])
    if not wait:
        show.data(started) if as_json else show.text(run_id)
        show.note(f"undo: regie run cancel {run_id} --reason ...")
        return 0
    if not as_json:
        show.text(run_id)
    ended = follow(client, run_id)
    if as_json:
        show.data(ended)
    return outcome(ended["state"], failure(client, run_id, since))


@click.group()
def run() -> None:
    """Executions of pipelines, and all else that is tracked."""


run.add_command(tracked.search)
run.add_command(tracked.compare)


@run.command("list")
@click.option("--pipeline", "name", help="Only runs of this pipeline.")
@click.option("--state", type=click.Choice(("queued", "running", *ENDED)), help="Only runs in this state.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@options.read
def listed(client: "Client", name: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """Newest first."""
    show.rows(client.runs.list(name, state, limit), COLUMNS, as_json, empty="no runs")


@run.command("show")
@click.argument("run_id")
@options.read
def one(client: "Client", run_id: str, as_json: bool) -> None:
    """One run: what it ran on, its tasks, what became of it; of a run that no pipeline made: what it measured."""
    found = _of_pipeline(client, run_id)
    if found is None:
        measured = client.runs.tracked(run_id)
        show.data(measured) if as_json else tracked.told(measured)
        return
    if as_json:
        show.data(found)
        return
    names = ("run_id", "pipeline", "state", "reason", "by", "params", "code_digest", "lock_digest", "snapshots", "git", "result")
    show.facts((name, found.get(name)) for name in names)
    show.facts((name.removesuffix("_ms"), show.when(found.get(name))) for name in ("created_ms", "started_ms", "ended_ms"))
    if found.get("error"):
        show.text(f"\n{found['error']}")
    if found.get("tasks"):
        show.text()
        columns: tuple[show.Column, ...] = (
            ("task", "name"), ("window", "window"), ("attempt", "attempt"), ("state", "state"), ("took", _took), ("error", _error),
        )  # fmt: skip
        show.rows(found["tasks"], columns, False)


def _of_pipeline(client: "Client", run_id: str) -> dict[str, Any] | None:
    try:
        return client.runs.show(run_id)
    except RegieError as error:
        if error.status != NotFound.status:
            raise
        return None


@run.command()
@click.argument("run_id")
@options.write
def cancel(client: "Client", run_id: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """End a run that has not ended."""
    if dry_run:
        found = client.runs.show(run_id)
        does = "would change nothing: it is" if found["state"] in ENDED else "would cancel it: it is"
        show.note(f"{does} {found['state']}")
        return
    answer = client.runs.cancel(run_id, options.needed(reason))
    show.data(answer) if as_json else show.text(run_id)
    show.note("undo: regie pipeline run NAME starts it anew; finished steps come from the cache")


@run.command()
@click.argument("run_id")
@click.option("--from", "from_tasks", multiple=True, metavar="TASK", help="Compute it, and what follows it, anew.")
@WAIT
@options.write
def again(
    client: "Client", run_id: str, from_tasks: tuple[str, ...], wait: bool, reason: str, dry_run: bool, as_json: bool
) -> int:
    """Run again with the same code, parameters and snapshots; what is not computed anew comes from the cache."""
    if dry_run:
        found = client.runs.show(run_id)
        anew = f"{', '.join(from_tasks)} and what follows anew" if from_tasks else "nothing anew that the cache has"
        show.note(f"would run {found['pipeline']} again as run {run_id} did, computing {anew}")
        return 0
    since = client.audit.anchor()["seq"] if wait else 0
    return _told(client, client.runs.again(run_id, from_tasks, reason=reason), since, wait, as_json)


@run.command()
@click.argument("run_id")
@click.argument("task", required=False)
@click.option("--follow", "-f", is_flag=True, help="Of one task: go on until it ends.")
@options.read
def logs(client: "Client", run_id: str, task: str | None, follow: bool, as_json: bool) -> None:
    """What the tasks of a run have printed; RUN_ID/TASK names one, too."""
    run_id, _, named = run_id.partition("/")
    task = task or named or None
    if follow:
        _follow_log(client, run_id, task)
        return
    found = client.runs.logs(run_id)
    chosen = {name: printed for name, printed in found.items() if task is None or name.split()[0] == task}
    if task is not None and not chosen:
        known = sorted({name.split()[0] for name in found})
        raise NotFound(f"the run has no log of a task {task}", run_id, f"one of: {', '.join(known) or 'none yet'}")
    if as_json:
        show.data(chosen)
        return
    for name, printed in chosen.items():
        show.note(f"==> {name}")
        click.echo(printed, nl=not printed.endswith("\n"))


def _follow_log(client: "Client", run_id: str, task: str | None) -> None:
    """Print the newest attempt's log as it grows; without a task, that of the one that runs."""
    tasks = client.runs.show(run_id)["tasks"]
    chosen = [one for one in tasks if (one["state"] == "running" if task is None else one["name"] == task)]
    if not chosen:
        raise NotFound(f"no task {task}" if task else "no task runs now", run_id, f"regie run show {run_id}")
    piece = client.runs.log(chosen[-1]["id"])
    while True:
        click.echo(piece["text"], nl=False)
        if piece["end_bytes"] >= piece["size_bytes"]:
            if not piece["live"]:
                return
            time.sleep(LOOK_S * 2)
        piece = client.runs.log(chosen[-1]["id"], piece["end_bytes"])


def parameter(words: str) -> tuple[str, Any]:
    """`depth=4`: a name, and a value of JSON or a text. Raises BadInput."""
    name, equals, value = words.partition("=")
    if not equals or not name.isidentifier():
        raise BadInput(f"{words!r} is not a parameter", "-p", "write for example -p depth=4")
    try:
        return name, json.loads(value, parse_constant=str)
    except ValueError:
        return name, value


def follow(client: "Client", run_id: str) -> dict[str, Any]:
    """Wait for a run's end, telling on stderr what its tasks do; returns the run."""
    told, spoke = "", monotonic()
    while True:
        found = client.runs.show(run_id)
        news = _progress(found)
        watched = sys.stderr.isatty()
        if news != told or (not watched and monotonic() - spoke >= QUIET_S):
            show.note(news)
            told, spoke = news, monotonic()
        if found["state"] in ENDED:
            if found.get("error"):
                show.note(str(found["error"]))
            return found
        time.sleep(LOOK_S)


def failure(client: "Client", run_id: str, since: int) -> str:
    """The code of the error that ended a run, which its audit record behind `since` gives as the reason; else empty."""
    ends = (one for one in client.audit.records(since) if one["action"] == "run.finish" and one["target"] == run_id)
    return next((str(one["reason"]) for one in ends if one["reason"] == CONTRACT_BROKEN), "")


def outcome(state: str, failed: str) -> int:
    """0 finished; 3 where the data broke its contract; 1 else."""
    return 0 if state == "finished" else 3 if failed == CONTRACT_BROKEN else 1


def _progress(found: dict[str, Any]) -> str:
    parts = [
        f"{task['name']}{' ' + task['window'] if task.get('window') else ''} {task['state']}" for task in found.get("tasks", [])
    ]
    return f"{found['state']}" + (f": {', '.join(parts)}" if parts else "")


def _took(task: show.Row) -> str:
    ended, started = task.get("ended_wall_ms"), task.get("started_wall_ms")
    return f"{(ended - started) / 1000:.1f} s" if ended and started else ""


def _error(task: show.Row) -> str:
    return str((task.get("error") or {}).get("message", ""))

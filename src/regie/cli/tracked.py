"""`regie run search`, `compare`, and what `show` says of a run that no pipeline made: what is tracked, also by MLflow's clients."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client

_OWN = ("run_id", "name", "state", "user", "started", "ended", "experiment")


@click.command()
@click.option("--filter", "text", default="", metavar="TEXT", help="Only runs that it finds, in MLflow's language.")
@click.option("--experiment", default="", metavar="ID", help="Only runs of these experiments; commas between them.")
@click.option("--pipeline", default="", metavar="NAME", help="Only runs of this pipeline.")
@click.option("--state", default="", metavar="STATE", help="Only runs in this state: RUNNING, FINISHED, FAILED, ...")
@click.option("--tasks", is_flag=True, help="Also the runs of tasks.")
@click.option(
    "--sort", default="-started", show_default=True, metavar="COLUMN",
    help="By started, ended, name, user, state, m.METRIC, p.PARAMETER or t.TAG; `-` before it: the largest first.",
)  # fmt: skip
@click.option("--columns", default="", metavar="NAMES", help="Beside the usual ones: m.METRIC, p.PARAMETER, t.TAG, with commas.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@options.read
def search(
    client: "Client", text: str, experiment: str, pipeline: str, state: str, tasks: bool, sort: str, columns: str, limit: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Every tracked run that a filter finds, also those of MLflow's clients."""
    found = client.runs.search(
        filter=text, experiment=experiment, pipeline=pipeline, state=state, tasks=tasks, sort=sort, columns=columns, limit=limit
    )
    names = list(found[0]) if found else []
    more = [name for name in names if "." in name]
    show.rows(found, [(name, name) for name in (*_OWN, *more)], as_json, empty="no runs")


@click.command()
@click.argument("run_ids", nargs=-1, required=True)
@click.option("--reference", default="", metavar="RUN", help="The run that the others are compared with; by default the first.")
@click.option("--all", "everything", is_flag=True, help="Also what does not differ.")
@options.read
def compare(client: "Client", run_ids: tuple[str, ...], reference: str, everything: bool, as_json: bool) -> None:
    """What differs between 2 to 50 runs: parameters, metrics, packages, code."""
    found = client.runs.compare(run_ids, reference, everything)
    if as_json:
        show.data(found)
        return
    runs = found["runs"]
    named = [(str(at), f"{one['id']}  {one['state']}  {one['name']}") for at, one in enumerate(runs, 1)]
    show.facts([*named, ("reference", found["reference"]), ("not there", ", ".join(found["missing"]))])
    rows = [_row(kind, one["name"], one["values"]) for kind in ("metrics", "params", "packages") for one in found[kind]["rows"]]
    for name in ("commit", "code", "lock"):
        values = [one[name] for one in runs]
        if everything or len(set(values)) > 1:
            rows.append(_row("source", name, values))
    show.text()
    show.rows(rows, [("of", "of"), ("name", "name"), *((at, at) for at, _ in named)], False, empty="nothing differs")


def told(found: Mapping[str, Any]) -> None:
    """One run that is tracked, in words."""
    run, source = found["run"], found["source"]
    facts = {
        "run_id": run["id"], "name": run["name"], "state": run["state"], "user": run["user"], "experiment": run["experiment"]["name"],
        "lifecycle": found["lifecycle"], "started": show.when(run["started_ms"]), "ended": show.when(run["ended_ms"]),
        "parent": found["parent"] and found["parent"]["id"], "source": source["name"], "commit": source["commit"], "note": found["note"],
    }  # fmt: skip
    show.facts(facts.items())
    for rows, title, value in ((found["metrics"]["rows"], "metric", "latest"), (found["params"], "parameter", "value")):
        if rows:
            show.text()
            show.rows(rows, ((title, "name"), ("value", value)), False)


def _row(of: str, name: str, values: list[Any]) -> dict[str, Any]:
    return {"of": of, "name": name, **{str(at): value for at, value in enumerate(values, 1)}}

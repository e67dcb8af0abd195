"""What is on a server: experiments, runs, histories, logged models, registered models and their versions. Reads only."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from regie.client.http import RemoteError
from regie.client.mlflow.things import Experiment, LoggedModel, Model, Point, Run, Version, point
from regie.client.mlflow.wire import AJAX, Wire

RUNS_PAGE = 50  # a run carries all that it said: pages of more would not be flat in memory; 100 is the most of a bulk request
EXPERIMENTS_PAGE, MODELS_PAGE, VERSIONS_PAGE, LOGGED_PAGE, HISTORY_PAGE = 1_000, 100, 1_000, 50, 25_000
BULK_POINTS, SHORT_POINTS = 20_000, 50_000  # of one metric of a page's runs by one request; held at once
NOTHING = (404, 405, 501)  # an older server has no such thing


def experiments(wire: Wire) -> list[Experiment]:
    """All of them, deleted ones too."""
    found = wire.pages("experiments/search", "experiments", {"max_results": EXPERIMENTS_PAGE, "view_type": "ALL"})
    return [Experiment.of(one) for one in found]


def runs(wire: Wire, experiment_id: str, condition: str = "", view: str = "ACTIVE_ONLY", page: int = RUNS_PAGE) -> Iterator[Run]:
    """The runs of an experiment, oldest first, so that those which start meanwhile come last."""
    said = {
        "experiment_ids": [experiment_id], "filter": condition, "run_view_type": view, "max_results": page,
        "order_by": ["attributes.start_time ASC"],
    }  # fmt: skip
    return (Run.of(one) for one in wire.pages("runs/search", "runs", said))


def run(wire: Wire, run_id: str) -> Run | None:
    """One run; None where it is not there."""
    try:
        return Run.of(wire.get("runs/get", run_id=run_id)["run"])
    except RemoteError as error:
        if error.status == 404:
            return None
        raise


def history(wire: Wire, run_id: str, key: str) -> Iterator[Point]:
    """Every point of a metric of a run."""
    said = {"run_id": run_id, "metric_key": key, "max_results": HISTORY_PAGE}
    return (point(one) for one in wire.pages("metrics/get-history", "metrics", said, "GET"))


def short_histories(wire: Wire, page: Sequence[Run]) -> dict[str, dict[str, list[Point]]]:
    """The points of metrics that many runs have, by metric and run, up to a number that is no burden; the others are streamed."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for one in page:
        for key in one.metrics:
            wanted[key].append(one.id)
    found: dict[str, dict[str, list[Point]]] = {}
    held = 0
    for key, run_ids in wanted.items():
        if len(run_ids) > 1 and held < SHORT_POINTS:
            found[key] = _of_many(wire, run_ids, key)
            held += sum(map(len, found[key].values()))
    return found


def _of_many(wire: Wire, run_ids: Sequence[str], key: str) -> dict[str, list[Point]]:
    """A metric's points of many runs by one request; nothing where they are too many for that, or the server has no such request."""
    said = {"run_id": list(run_ids), "metric_key": key, "max_results": BULK_POINTS}
    try:
        points = wire.get(AJAX + "metrics/get-history-bulk", **said).get("metrics") or []
    except RemoteError:
        return {}
    if len(points) >= BULK_POINTS:
        return {}
    found: dict[str, list[Point]] = defaultdict(list)
    for one in points:
        found[one["run_id"]].append(point(one))
    return found


def logged_models(wire: Wire, experiment_id: str) -> Iterator[LoggedModel]:
    """Those of an experiment that are not deleted; none on a server older than they are."""
    said = {"experiment_ids": [experiment_id], "max_results": LOGGED_PAGE}
    try:
        for one in wire.pages("logged-models/search", "models", said):
            yield LoggedModel.of(one)
    except RemoteError as error:
        if error.status not in NOTHING:
            raise


def logged_model(wire: Wire, model_id: str) -> LoggedModel | None:
    """One logged model; None where it is not there, or deleted."""
    try:
        return LoggedModel.of(wire.get(f"logged-models/{model_id}")["model"])
    except RemoteError as error:
        if error.status in NOTHING:
            return None
        raise


def models(wire: Wire) -> Iterator[Model]:
    """All registered models."""
    return (
        Model.of(one) for one in wire.pages("registered-models/search", "registered_models", {"max_results": MODELS_PAGE}, "GET")
    )


def model(wire: Wire, name: str) -> Model | None:
    """One registered model; None where it is not there."""
    try:
        return Model.of(wire.get("registered-models/get", name=name)["registered_model"])
    except RemoteError as error:
        if error.status == 404:
            return None
        raise


def versions(wire: Wire, name: str) -> list[Version]:
    """The versions of a model in the order of their numbers."""
    quote = '"' if "'" in name else "'"
    said = {"filter": f"name = {quote}{name}{quote}", "max_results": VERSIONS_PAGE}
    found = [Version.of(one) for one in wire.pages("model-versions/search", "model_versions", said, "GET")]
    return sorted((one for one in found if one.name == name), key=lambda one: one.number)


def files_of(wire: Wire, name: str, number: int) -> str:
    """Where the server says that the files of a version lie; empty where it does not say."""
    try:
        return str(wire.get("model-versions/get-download-uri", name=name, version=number).get("artifact_uri") or "")
    except RemoteError:
        return ""

"""What is written to the target, each call under the lease, none of them twice: what makes something new looks first."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from regie.client.http import RemoteError
from regie.client.mlflow import marks, read
from regie.client.mlflow.lease import Lease
from regie.client.mlflow.things import LoggedModel, Point, Run, Said, Version, listed
from regie.client.mlflow.wire import Wire

# The limits of stock's log-batch: 1,000 entities of which 100 params and 100 tags, and 1 MB of body.
ENTITIES, PARAMS, TAGS, BODY_BYTES = 1_000, 100, 100, 900_000
MODEL_PARAMS = 100
Entry = tuple[str, dict[str, Any]]  # metrics, params or tags; as the wire says it


class Writer:
    """Writes to one server."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.lease = wire, Lease(wire)

    def send(self, path: str, said: Mapping[str, Any], method: str = "POST") -> dict[str, Any]:
        """A write that may be repeated."""
        self.lease.hold()
        return self.wire.send(path, said, method)

    def experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """The id of an experiment, made if it is not there: the lease may have needed the default one."""
        self.lease.hold()

        def there() -> str | None:
            return next((one.id for one in read.experiments(self.wire) if one.name == name and one.active), None)

        said = {"name": name, "tags": listed(tags)}
        return there() or self.wire.patiently(lambda: str(self.wire.once("experiments/create", said)["experiment_id"]), there)

    def run(self, experiment_id: str, run: Run, tags: Mapping[str, str]) -> Run:
        """A new run, with tags that say whose copy it is."""
        self.lease.hold()
        said = {
            "experiment_id": experiment_id, "run_name": run.name or None, "user_id": run.user or None,
            "start_time": run.start_ms, "tags": listed(tags),
        }  # fmt: skip

        def there() -> Run | None:
            return next(read.runs(self.wire, experiment_id, f"tags.`{marks.RUN}` = '{tags[marks.RUN]}'"), None)

        return self.wire.patiently(lambda: Run.of(self.wire.once("runs/create", said)["run"]), there)

    def logged_model(self, experiment_id: str, model: LoggedModel, run_id: str | None, tags: Mapping[str, str]) -> LoggedModel:
        """A new logged model, with its first parameters."""
        self.lease.hold()
        said = {
            "experiment_id": experiment_id, "name": model.name or None, "model_type": model.type or None, "source_run_id": run_id,
            "params": listed(dict(list(model.params.items())[:MODEL_PARAMS])), "tags": listed(tags),
        }  # fmt: skip

        def there() -> LoggedModel | None:
            found = read.logged_models(self.wire, experiment_id)
            return next((one for one in found if one.tags.get(marks.MODEL) == tags[marks.MODEL]), None)

        return self.wire.patiently(lambda: LoggedModel.of(self.wire.once("logged-models", said)["model"]), there)

    def model(self, name: str, description: str, tags: Mapping[str, str]) -> None:
        """A registered name; one that is there already is left as it is."""
        try:
            self.send("registered-models/create", {"name": name, "description": description or None, "tags": listed(tags)})
        except RemoteError as error:
            if vars(error).get("code") != "RESOURCE_ALREADY_EXISTS":
                raise

    def version(self, version: Version, source: str, run_id: str, model_id: str, tags: Mapping[str, str]) -> Version:
        """A new version of a registered name."""
        self.lease.hold()
        said = {
            "name": version.name, "source": source, "run_id": run_id or None, "model_id": model_id or None,
            "run_link": version.run_link or None, "description": version.description or None, "tags": listed(tags),
        }  # fmt: skip

        def there() -> Version | None:
            found = read.versions(self.wire, version.name)
            return next((one for one in found if one.tags.get(marks.VERSION) == tags[marks.VERSION]), None)

        return self.wire.patiently(lambda: Version.of(self.wire.once("model-versions/create", said)["model_version"]), there)

    def batches(self, run_id: str, entries: Iterable[Entry]) -> None:
        """Points, parameters and tags in as few requests as the limits allow, in their order: the last entry is written last."""
        for batch in packed(entries):
            self.send("runs/log-batch", {"run_id": run_id, **batch})


def packed(entries: Iterable[Entry]) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Batches within the limits. Within one, a server writes parameters and points before tags."""
    most = {"metrics": ENTITIES, "params": PARAMS, "tags": TAGS}
    batch: dict[str, list[dict[str, Any]]] = {}
    count = size = 0
    for kind, said in entries:
        length = len(json.dumps(said)) + 2
        if count == ENTITIES or len(batch.get(kind, ())) == most[kind] or (count and size + length > BODY_BYTES):
            yield batch
            batch, count, size = {}, 0, 0
        batch.setdefault(kind, []).append(said)
        count, size = count + 1, size + length
    if batch:
        yield batch


def metric(key: str, point: Point, **beside: Any) -> Entry:
    step, timestamp, value = point
    return "metrics", {"key": key, "value": value, "timestamp": timestamp, "step": step, **beside}


def param(key: str, value: str) -> Entry:
    return "params", {"key": key, "value": value}


def tag(key: str, value: str) -> Entry:
    return "tags", {"key": key, "value": value}


def dataset_of(said: Said) -> tuple[str, str]:
    """What an input is known by: the name and digest of its dataset."""
    dataset = said.get("dataset") or {}
    return dataset.get("name") or "", dataset.get("digest") or ""

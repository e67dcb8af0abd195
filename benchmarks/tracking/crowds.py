"""Many clients at once: whether each is answered, and how long the unlucky ones wait."""

import json
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.tracking.client import JSON, START_MS, WIRE, Client
from benchmarks.tracking.figures import Aim, Figure, Part, Round, Size, Took
from benchmarks.tracking.servers import Server
from benchmarks.tracking.writes import EXPERIMENT, THREADS, together

CLIENTS, WORK_S = 16, 6.0
CROWD = "a crowd at work"
Request = tuple[str, dict[str, Any]]


def mixed(server: Server, size: Size) -> Round:
    """16 clients for six seconds, each: a run, a batch, ten single metrics, a tag, a look at the run, a search, the end."""
    first = Client(server.port)
    experiment_id = first.experiment(CROWD)
    first.close()
    until = time.monotonic() + max(1.0, WORK_S * size.scale)

    def work(client: Client, place: int) -> list[tuple[int, float]]:
        took: list[tuple[int, float]] = []
        while time.monotonic() < until:
            run_id = _timed(client, took, "runs/create", {"experiment_id": experiment_id, "start_time": START_MS})
            if run_id is None:
                continue
            for call, said in _requests(run_id, experiment_id):
                _timed(client, took, call, said)
        return took

    spent, each = together(server, CLIENTS, work)
    took = [one for some in each for one in some]
    waits = sorted(wait for _, wait in took)
    return {
        "errors": Took(sum(status != 200 for status, _ in took)),
        "p50": Took(waits[len(waits) // 2] * 1_000),
        "p99": Took(waits[len(waits) * 99 // 100] * 1_000),
        "per_second": Took(len(took) / spent.wall_s),
        "cpu": Took(spent.cpu_s / len(took) * 1_000, spent.database_s / len(took) * 1_000),
    }


def _requests(run_id: str, experiment_id: str) -> Iterator[Request]:
    points = [{"key": f"m{place}", "value": place / 7, "timestamp": START_MS, "step": 0} for place in range(10)]
    params = [{"key": f"p{place}", "value": str(place)} for place in range(5)]
    yield "runs/log-batch", {"run_id": run_id, "metrics": points, "params": params, "tags": []}
    for step in range(10):
        yield "runs/log-metric", {"run_id": run_id, "key": "loss", "value": 1 / (1 + step), "timestamp": START_MS, "step": step}
    yield "runs/set-tag", {"run_id": run_id, "key": "stage", "value": "trained"}
    order = {"filter": "metrics.m3 > 0.1", "order_by": ["metrics.loss ASC"], "max_results": 20}
    yield "runs/search", {"experiment_ids": [experiment_id], **order}
    yield "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": START_MS + 1}


def _timed(client: Client, took: list[tuple[int, float]], call: str, said: dict[str, Any]) -> str | None:
    """The id of the run that the answer tells of, if it does."""
    body, began = json.dumps(said), time.perf_counter()
    status, answer = client.ask("POST", WIRE + call, body, JSON)
    took.append((status, time.perf_counter() - began))
    return str(json.loads(answer)["run"]["info"]["run_id"]) if status == 200 and call == "runs/create" else None


def one_tag(server: Server, size: Size) -> Round:
    """Eight threads set the same tag of the same run, from before it is there."""
    first, calls = Client(server.port), size.of(50)
    run_id = first.run(first.experiment(EXPERIMENT))["run_id"]
    first.close()

    def work(client: Client, place: int) -> int:
        bodies = [json.dumps({"run_id": run_id, "key": "who", "value": f"{place}.{turn}"}) for turn in range(calls)]
        return sum(client.ask("POST", WIRE + "runs/set-tag", body, JSON)[0] != 200 for body in bodies)

    spent, wrong = together(server, THREADS, work)
    return {"errors": Took(sum(wrong)), "per_second": Took(THREADS * calls / spent.wall_s)}


PARTS = {
    "mixed": Part(
        mixed,
        {
            "errors": Figure("errors", Aim(most=0)),
            "p50": Figure("answered within, half of them, ms"),
            "p99": Figure("99 of 100, ms", Aim(most=500)),
            "per_second": Figure("answers a second", more_is_better=True),
            "cpu": Figure("CPU an answer, ms"),
        },
        rounds=3,
    ),
    "one_tag": Part(
        one_tag,
        {"errors": Figure("errors", Aim(most=0)), "per_second": Figure("calls a second", more_is_better=True)},
        rounds=3,
    ),
}

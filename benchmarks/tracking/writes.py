"""What a training loop does: one metric a call, many in a batch, a run from its start to its end."""

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

from benchmarks.tracking.client import JSON, START_MS, WIRE, Client
from benchmarks.tracking.figures import Aim, Figure, Part, Round, Size, Took
from benchmarks.tracking.servers import Server, Spent

EXPERIMENT = "written by the benchmark"
THREADS = 8
_steps = itertools.count()


def log_metric(server: Server, size: Size) -> Round:
    """One client, one call after the other."""
    client = Client(server.port)
    run_id, calls = client.run(client.experiment(EXPERIMENT))["run_id"], size.of(200)
    for _ in range(20):
        client.post("runs/log-metric", **_point(run_id))
    with server.spending() as spent:
        for _ in range(calls):
            client.post("runs/log-metric", **_point(run_id))
    client.close()
    return each(spent[0], calls)


def log_metric_threads(server: Server, size: Size) -> Round:
    """Eight clients at once, each with a run of its own."""
    calls = size.of(100)
    first = Client(server.port)
    experiment_id = first.experiment(EXPERIMENT)
    runs = [first.run(experiment_id)["run_id"] for _ in range(THREADS)]
    first.close()

    def work(client: Client, place: int) -> int:
        bodies = [json.dumps(_point(runs[place])) for _ in range(calls)]
        return sum(client.ask("POST", WIRE + "runs/log-metric", body, JSON)[0] != 200 for body in bodies)

    spent, wrong = together(server, THREADS, work)
    return {
        "per_second": Took(THREADS * calls / spent.wall_s),
        "cpu": each(spent, THREADS * calls)["cpu"],
        "errors": Took(sum(wrong)),
    }


def together(server: Server, count: int, work: Callable[[Client, int], Any]) -> tuple[Spent, list[Any]]:
    """`work(client, place)` in so many threads at once, each with a connection of its own; what each gave."""
    barrier, gave = threading.Barrier(count + 1), [None] * count

    def run(place: int) -> None:
        client = Client(server.port)
        client.ask("GET", "/health")
        barrier.wait()
        gave[place] = work(client, place)
        client.close()

    threads = [threading.Thread(target=run, args=(place,), daemon=True) for place in range(count)]
    for thread in threads:
        thread.start()
    with server.spending() as spent:
        barrier.wait()
        for thread in threads:
            thread.join()
    return spent[0], gave


def log_batch(server: Server, size: Size) -> Round:
    """1,000 metrics a call: a hundred steps of ten metrics, and one step of a thousand."""
    client, found = Client(server.port), Round()
    experiment_id, calls = client.experiment(EXPERIMENT), size.of(5)
    for name, keys in (("steps", 10), ("keys", 1_000)):
        run_id = client.run(experiment_id)["run_id"]
        bodies = [{"run_id": run_id, "metrics": _points(1_000, keys)} for _ in range(calls + 1)]
        client.post("runs/log-batch", **bodies[0])
        with server.spending() as spent:
            for body in bodies[1:]:
                client.post("runs/log-batch", **body)
        found |= {f"{name}_{what}": took for what, took in each(spent[0], calls).items()}
    client.close()
    return found


def whole_run(server: Server, size: Size) -> Round:
    """Create a run, log 10 metrics, 10 parameters and 3 tags in a batch, finish it."""
    client, calls = Client(server.port), size.of(40)
    experiment_id = client.experiment(EXPERIMENT)
    with server.spending() as spent:
        for _ in range(calls):
            run_id = client.run(experiment_id)["run_id"]
            params = [{"key": f"p{place}", "value": str(place)} for place in range(10)]
            tags = [{"key": f"t{place}", "value": "x"} for place in range(3)]
            client.post("runs/log-batch", run_id=run_id, metrics=_points(10, 10), params=params, tags=tags)
            client.post("runs/update", run_id=run_id, status="FINISHED", end_time=START_MS + 1)
    client.close()
    return each(spent[0], calls)


def each(spent: Spent, calls: int) -> Round:
    """Milliseconds a call."""
    by_call = 1_000 / calls
    return {"cpu": Took(spent.cpu_s * by_call, spent.database_s * by_call), "wall": Took(spent.wall_s * by_call)}


def _points(count: int, keys: int) -> list[dict[str, Any]]:
    step = next(_steps) * count
    return [_metric(f"m{place % keys}", step + place // keys) for place in range(count)]


def _point(run_id: str) -> dict[str, Any]:
    return {"run_id": run_id, **_metric("loss", next(_steps))}


def _metric(key: str, step: int) -> dict[str, Any]:
    return {"key": key, "value": 1 / (1 + step), "timestamp": START_MS + step, "step": step}


PARTS = {
    "log_metric": Part(
        log_metric,
        {"cpu": Figure("CPU a call, ms", Aim(most=2.5)), "wall": Figure("time a call, ms")},
    ),
    "log_metric_threads": Part(
        log_metric_threads,
        {
            "per_second": Figure("calls a second", Aim(times=3), more_is_better=True),
            "cpu": Figure("CPU a call, ms"),
            "errors": Figure("errors", Aim(most=0)),
        },
    ),
    "log_batch": Part(
        log_batch,
        {
            "steps_cpu": Figure("100 steps of 10 metrics: CPU a call, ms", Aim(most=30)),
            "steps_wall": Figure("time a call, ms"),
            "keys_cpu": Figure("1 step of 1,000 metrics: CPU a call, ms", Aim(most=30)),
            "keys_wall": Figure("time a call, ms"),
        },
    ),
    "whole_run": Part(whole_run, {"cpu": Figure("CPU a run, ms", Aim(times=3)), "wall": Figure("time a run, ms", Aim(times=3))}),
}

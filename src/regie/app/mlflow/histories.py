"""`metrics/get-history`, `get-history-bulk`, `get-history-bulk-interval`"""

from collections.abc import Iterator
from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from regie.app.mlflow import paging
from regie.app.mlflow.answers import sent
from regie.app.mlflow.call import Call, Wire, WireRoute
from regie.base.errors import BadInput
from regie.store.change import Store
from regie.tracking import histories, queries
from regie.tracking.histories import Stretch
from regie.tracking.keyset import FIRST

router = APIRouter(route_class=WireRoute)
# Points in one answer, runs in one question, points of one run in a chart: as stock MLflow's.
POINTS, RUNS, CHART = 25_000, 100, 2_500
_MOST = 1 << 31


@router.get("/metrics/get-history")
def history(call: Wire) -> Response:
    """Every point at once where no page is asked for, as stock MLflow; then they are sent as they are read."""
    run_id, key = call.run_id(), call.text("metric_key")
    found = _keys(call, [run_id]).get(run_id)
    page = paging.asked(call, POINTS, _MOST, besides=("run_id", "run_uuid", "metric_key"))
    if found is None:
        return sent({})
    stretch = Stretch(found, key)
    if call.said.get("max_results") is None and not page.window.after and not page.window.offset:
        return StreamingResponse(_all(call.caller.store, stretch), media_type="application/json")
    with call.caller.store.read() as db:
        texts, following = histories.page(db, stretch, replace(page.window, limit=min(page.window.limit, POINTS)))
    return sent(paging.written("metrics", texts, page, following))


def _all(store: Store, stretch: Stretch) -> Iterator[bytes]:
    """The points in pieces, each read for itself: a slow reader holds no connection to the database."""
    window, before = replace(FIRST, limit=POINTS), '{"metrics":['
    while True:
        with store.read() as db:
            texts, following = histories.page(db, stretch, window)
        if texts:
            yield (before + ",".join(texts)).encode()
            before = ","
        if following is None:
            yield b"]}" if before == "," else b"{}"
            return
        window = replace(window, after=following)


@router.get("/metrics/get-history-bulk")
def history_bulk(call: Wire) -> Response:
    """Points of several runs, run by run, `max_results` of them in all. A run that is not there has none."""
    run_ids = sorted(set(_asked(call, "run_id")))
    left = min(call.integer("max_results", POINTS), POINTS)
    found, key, texts = _keys(call, run_ids), call.text("metric_key"), list[str]()
    with call.caller.store.read() as db:
        for run_id in run_ids:
            if run_id in found and left > len(texts):
                texts += histories.page(db, Stretch(found[run_id], key, run_id), replace(FIRST, limit=left - len(texts)))[0]
    return sent(f'{{"metrics":[{",".join(texts)}]}}'.encode())


@router.get("/metrics/get-history-bulk-interval")
def history_interval(call: Wire) -> Response:
    """For a chart: at most `max_results` points of each run, evenly chosen, the first and the last among them."""
    run_ids, key = _asked(call, "run_ids"), call.text("metric_key")
    most = call.integer("max_results", CHART)
    if not 1 <= most <= CHART:
        raise BadInput(f"max_results must be between 1 and {CHART}", "max_results", f"ask for 1 to {CHART}")
    found, steps = _keys(call, run_ids), _steps(call)
    with call.caller.store.read() as db:
        stretches = [Stretch(found[run_id], key, run_id, steps) for run_id in run_ids if run_id in found]
        texts = [text for stretch in stretches for text in histories.sample(db, stretch, most)]
    return sent(f'{{"metrics":[{",".join(texts)}]}}'.encode() if texts else {})


def _asked(call: Call, name: str) -> list[str]:
    found = call.texts(name)
    if not 0 < len(found) <= RUNS:
        raise BadInput(f"the request names {len(found)} runs", name, f"name 1 to {RUNS} of them in {name}")
    return found


def _steps(call: Call) -> tuple[int, int] | None:
    said = [name for name in ("start_step", "end_step") if call.said.get(name) is not None]
    if not said:
        return None
    if len(said) == 1:
        raise BadInput("If either start step or end step are specified, both must be specified", said[0], "send both or none")
    start, end = call.integer("start_step"), call.integer("end_step")
    if start > end:
        raise BadInput(f"end_step {end} is below start_step {start}", "end_step", "send them in order")
    return start, end


def _keys(call: Call, run_ids: list[str]) -> dict[str, int]:
    """The keys of the runs that are there, of those that the caller may see. Raises NotAllowed."""
    for run_id in set(run_ids):
        call.caller.may("run.read", f"run:{run_id}")
    with call.caller.store.read() as db:
        return queries.run_keys(db, call.workspace, run_ids)

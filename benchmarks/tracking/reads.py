"""What people look at: a search with a filter and an order, its pages, and the history of a metric."""

import base64
import json

from benchmarks.tracking.client import PAGES, Client
from benchmarks.tracking.figures import Aim, Figure, Part, Round, Size
from benchmarks.tracking.servers import OURS, Server
from benchmarks.tracking.writes import each

PAGE, LATER = 100, 3
CHART = 320  # points that a chart has room for
CLIENT_PAGE = 25_000  # what MlflowClient.get_metric_history asks for


def search(server: Server, size: Size) -> Round:
    """About half of the runs match; 100 of them a page. The threshold differs each time, so that no answer is kept from before."""
    client, found = Client(server.port), Round()
    if not server.searched:
        with server.spending() as spent:
            assert len(_page(server, client, 0.5)["runs"]) == PAGE
        found |= {f"first_{what}": took for what, took in each(spent[0], 1).items()}
    server.searched += 1
    with server.spending() as spent:
        for place in range(LATER):
            _page(server, client, 0.5 - (server.searched * LATER + place) / 10_000)
    found |= {f"later_{what}": took for what, took in each(spent[0], LATER).items()}
    with server.spending() as spent:
        for place in range(LATER):
            _page(server, client, 0.5 - (server.searched * LATER + place) / 10_000, also=" and params.p1 != '7'", by="m5")
    found |= {f"mixed_{what}": took for what, took in each(spent[0], LATER).items()}
    token = _deep(server, client, size)
    with server.spending() as spent:
        assert len(_page(server, client, 0.5, token)["runs"]) == PAGE
    client.close()
    return found | {f"deep_{what}": took for what, took in each(spent[0], 1).items()}


def _page(
    server: Server, client: Client, above: float, token: str = "", most: int = PAGE, also: str = "", by: str = "m3"
) -> dict[str, list[object]]:
    said = {"page_token": token} if token else {}
    return client.post(
        "runs/search", experiment_ids=[server.experiment_id], filter=f"metrics.m3 > {above}{also}",
        order_by=[f"metrics.{by} DESC"], max_results=most, **said,
    )  # fmt: skip


def _deep(server: Server, client: Client, size: Size) -> str:
    """The token of a page near the end: stock's says only how many runs come before; ours is what the page before it gave."""
    before = size.runs * 2 // 5
    if server.name != OURS:
        return base64.b64encode(json.dumps({"offset": before}).encode()).decode()
    if not server.deep_token:
        server.deep_token = str(_page(server, client, 0.5, most=before)["next_page_token"])
    return server.deep_token


def history(server: Server, size: Size) -> Round:
    """All points, a page after the other as the client does; then as a chart asks for them."""
    client, points, token = Client(server.port), 0, ""
    asked = {"run_id": server.history_run, "metric_key": "loss"}
    with server.spending() as spent:
        while True:
            page = client.get("metrics/get-history", **asked, max_results=CLIENT_PAGE, **({"page_token": token} if token else {}))
            points += len(page["metrics"])
            if not (token := page.get("next_page_token", "")):
                break
    assert points == size.points, f"{points} points of {size.points}"
    found: Round = {f"whole_{what}": took for what, took in each(spent[0], 1).items()}
    chart = {"run_ids": server.history_run, "metric_key": "loss", "max_results": CHART}
    with server.spending() as spent:
        for _ in range(LATER):
            shown = client.get("metrics/get-history-bulk-interval", PAGES, **chart)["metrics"]
    assert CHART * 0.8 <= len(shown) <= CHART * 1.2, f"{len(shown)} points in a chart of {CHART}"
    client.close()
    return found | {f"chart_{what}": took for what, took in each(spent[0], LATER).items()}


def _searches(cpu_ms: float) -> dict[str, Figure]:
    as_stock = {"PostgreSQL": Aim(times=1)}
    aims = {"SQLite": Aim(most=cpu_ms)} | (as_stock if cpu_ms < 100 else {"PostgreSQL": Aim(most=cpu_ms)})
    return {
        "first_cpu": Figure("first query: CPU, ms", aims),
        "first_wall": Figure("time, ms", as_stock),
        "later_cpu": Figure("later queries: CPU, ms", aims),
        "later_wall": Figure("time, ms", as_stock),
        "mixed_cpu": Figure("also by a parameter, ordered by another metric: CPU, ms", aims),
        "mixed_wall": Figure("time, ms", as_stock),
        "deep_cpu": Figure("deep page: CPU, ms", aims),
        "deep_wall": Figure("time, ms", as_stock),
    }


PARTS = {
    "search": Part(search, _searches(60), rounds=3),
    "search_large": Part(search, _searches(300), rounds=3, stock_rounds=1, runs=100_000, by_default=False),
    "history": Part(
        history,
        {
            "whole_cpu": Figure("all points: CPU, ms", Aim(most=500)),
            "whole_wall": Figure("time, ms"),
            "chart_cpu": Figure("a chart of 320 points: CPU, ms", Aim(most=20)),
            "chart_wall": Figure("time, ms"),
        },
        rounds=3,
    ),
}

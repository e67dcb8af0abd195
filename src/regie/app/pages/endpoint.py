"""The endpoint of a workspace: fast, and paying its way? What answers, on which nodes, how fast, at which cost; and a form to try it.

Requests and latencies come from the prediction log (`predictions/traffic`), memory from the nodes, which are asked for it. Times are
business milliseconds, but for `_wall_ms`; sizes bytes.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app import node_calls
from regie.app.caller import Caller, CallerOf
from regie.app.pages import traffic
from regie.app.pages.acts import Act, Shown, Why, act
from regie.app.pages.recent import Recent
from regie.app.pages.traffic import TrafficShown
from regie.base.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, wall_ms
from regie.loop import inputs
from regie.loop.inputs import Field
from regie.loop.scene import Scene, scene
from regie.registry import queries as registry
from regie.rollout import queries
from regie.rollout.types import Route
from regie.spec.expressions import METRICS, Expression
from regie.store import nodes
from regie.store.change import business_now
from regie.store.nodes import Node

if TYPE_CHECKING:
    from regie.predictions.traffic import Traffic

router = APIRouter()
Last = Literal["1h", "6h", "24h", "7d", "30d", "90d", "1y"]
SPANS: Mapping[Last, tuple[int, int]] = {  # how long, and the step
    "1h": (HOUR_MS, MINUTE_MS), "6h": (6 * HOUR_MS, 5 * MINUTE_MS), "24h": (DAY_MS, 15 * MINUTE_MS), "7d": (7 * DAY_MS, 3 * HOUR_MS),
    "30d": (30 * DAY_MS, 12 * HOUR_MS), "90d": (90 * DAY_MS, DAY_MS), "1y": (365 * DAY_MS, WEEK_MS),
}  # fmt: skip
MOST_NODES = 50
ASKED_NODES = 8  # for their memory: one after the other
_TRAFFIC: "Recent[Traffic]" = Recent()
_HEALTH: "Recent[dict[str, Any] | None]" = Recent()


class RouteVariant(Shown):
    """One line of the wanted route."""

    version: int
    role: Literal["champion", "challenger", "former"]
    mode: Literal["live", "shadow"]
    share: float
    only: str


class ServingProcess(Shown):
    """A process of a node. `version`: of the variant that is alone in it, None for the router, in which the champion answers."""

    version: int | None
    memory_bytes: int | None


class VersionFailing(Shown):
    """What a version did badly on a node since the node's process began."""

    version: int
    fallbacks: int
    shadow_errors: int
    restarts: int
    last_error: str


class ServingNode(Shown):
    """One serving node. `generation`: of the route that it answers by; `processes` is None where it was not asked, or did not say."""

    id: str
    address: str
    live: bool
    seen_wall_ms: int
    generation: int
    state: Literal["serving", "behind", "failed", "away"]
    failed: str
    processes: list[ServingProcess] | None
    failing: list[VersionFailing]


class ServicePromise(Shown):
    """A bound on errors or latency that `regie.yaml` gives: a guard of rollouts, or a gate. `kind`: fraction, or time in milliseconds."""

    text: str
    place: Literal["guard", "gate"]
    metric: str
    part: str
    kind: str
    operator: str
    bound: float


class RequestInput(Shown):
    """One field of the form. `categories`: the values that the model knows, None where it takes any; `known`: how many they are.

    `value`: of a row that was `asked`, or one that the package is `checked` with.
    """

    name: str
    type: Literal["float", "int", "bool", "str", "time"]
    nullable: bool
    categories: list[str | int | float | bool] | None
    known: int
    promise: str
    value: str | int | float | bool | None
    source: Literal["asked", "checked", "nothing"]


class RequestForm(Shown):
    """The request form, made from the champion's signature. `address`: where the data plane takes the same request, None where no node
    lives. `asked_ms`: when the row was asked that fills it in."""

    act: Act
    address: str | None
    fields: list[RequestInput]
    asked_ms: int | None


class EndpointPage(Shown):
    """Everything that the page shows. `missing`: why there is no endpoint (yet), empty where there is one."""

    workspace: str
    clock: str
    now_ms: int
    now_wall_ms: int
    last: Last
    missing: Literal["", "no_spec", "no_endpoint", "no_champion"]
    endpoint: str
    environment: str
    model: str
    champion: int | None
    generation: int
    variants: list[RouteVariant]
    rollout: str | None
    nodes: list[ServingNode]
    traffic: TrafficShown | None
    promises: list[ServicePromise]
    form: RequestForm | None


@router.get("/api/v1/pages/endpoint")
def endpoint(caller: Caller, request: Request, last: Last = "7d") -> EndpointPage:
    """The one endpoint of the workspace, over the newest stretch of time."""
    with caller.read("route.read", caller.workspace) as db:
        here = scene(caller.store, request.app.state.predictions, caller.workspace)
        return _page(caller, db, here, last)


def _page(caller: CallerOf, db: Connection, here: Scene | None, last: Last) -> EndpointPage:
    serves = here.serves if here else None
    name = serves.endpoint if serves else ""
    route = queries.route(db, caller.workspace, name) if serves else None
    champion = here.champion(db) if here else None
    running = queries.running(db, caller.workspace, name) if serves else None
    now_ms = business_now(db, caller.workspace)
    known = sorted(nodes.known(db), key=lambda node: (not node.live, -node.seen_wall_ms))[:MOST_NODES]
    return EndpointPage(
        workspace=caller.workspace, clock=here.clock if here else "wall", now_ms=now_ms, now_wall_ms=wall_ms(), last=last,
        missing="no_spec" if here is None else "no_endpoint" if serves is None else "" if champion is not None else "no_champion",
        endpoint=name, environment=here.environment if here else "", model=here.model if here else "",
        champion=champion.version if champion else None, generation=route.generation if route else 0, variants=_variants(route),
        rollout=running.id if running else None, nodes=_nodes(known, name, route) if serves else [],
        traffic=_traffic(here, name, last, now_ms) if here and serves else None, promises=_promises(here) if here else [],
        form=_form(caller, db, here, champion.version, known) if here and champion is not None else None,
    )  # fmt: skip


def _variants(route: Route | None) -> list[RouteVariant]:
    return [RouteVariant(**vars(one)) for one in route.variants] if route else []


def _nodes(known: Sequence[Node], name: str, route: Route | None) -> list[ServingNode]:
    alive = [node.id for node in known if node.live][:ASKED_NODES]
    return [_node(node, name, route, node.id in alive) for node in known]


def _node(node: Node, name: str, route: Route | None, ask: bool) -> ServingNode:
    generation, failed = node.generations.get(name, 0), node.failed.get(name, "")
    behind = route is not None and generation < route.generation
    said = _HEALTH.of((node.id, node.address), lambda: _health(node)) if ask else None
    return ServingNode(
        id=node.id, address=node.address, live=node.live, seen_wall_ms=node.seen_wall_ms, generation=generation,
        state="away" if not node.live else "failed" if failed else "behind" if behind else "serving", failed=failed,
        processes=_processes(said, name) if said else None, failing=_failing(node.variants.get(name, {})),
    )  # fmt: skip


def _health(node: Node) -> dict[str, Any] | None:
    try:
        return node_calls.health(node)
    except node_calls.NodeAway:
        return None


def _processes(said: Mapping[str, Any], name: str) -> list[ServingProcess]:
    """The router's, then those of variants; a node that tells no memory has processes all the same."""
    own = said.get("endpoints", {}).get(name, {})
    memory = own.get("memory_bytes", {})
    return [
        ServingProcess(version=None, memory_bytes=said.get("memory_bytes") or None),
        *(ServingProcess(version=int(version), memory_bytes=memory.get(version) or None) for version in own.get("processes", {})),
    ]


def _failing(variants: Mapping[str, Mapping[str, Any]]) -> list[VersionFailing]:
    names = ("fallbacks", "shadow_errors", "restarts")
    return [
        VersionFailing(
            version=int(version), last_error=str(said.get("last_error", "")), **{name: int(said.get(name, 0)) for name in names}
        )
        for version, said in sorted(variants.items(), key=lambda item: -int(item[0]))
    ]


def _traffic(here: Scene, name: str, last: Last, now_ms: int) -> TrafficShown:
    from regie.predictions import traffic as log  # numpy and pyarrow come with it: 50 MB that a home at rest never needs

    span, step = SPANS[last]
    until = -(-(now_ms + 1) // step) * step
    first = (now_ms - span) // step * step
    key = (str(here.predictions), here.workspace, name, first, until)
    counted = _TRAFFIC.of(key, lambda: log.count(here.predictions, here.workspace, name, first, until, step))
    return traffic.shown(counted, first, until)


def _promises(here: Scene) -> list[ServicePromise]:
    guards = here.serves.abort_if if here.serves else ()
    gates = here.spec.model.gates if here.spec.model else ()
    both: list[tuple[Literal["guard", "gate"], Expression]] = [
        *(("guard", one) for one in guards), *(("gate", one) for one in gates)
    ]  # fmt: skip
    return [
        ServicePromise(
            text=one.text, place=place, metric=one.metric, part=one.part or "", kind=METRICS[one.metric].kind, operator=one.operator,
            bound=one.bound.value(),
        )
        for place, one in both if one.metric in ("latency", "errors")
    ]  # fmt: skip


def _form(caller: CallerOf, db: Connection, here: Scene, champion: int, known: Sequence[Node]) -> RequestForm | None:
    package = registry.version(db, caller.workspace, here.model, champion).package
    found = inputs.known_of(caller.store.blobs, package)
    if found is None or here.serves is None:
        return None
    name = here.serves.endpoint
    alive = next((node for node in known if node.live and node.generations.get(name)), None)
    away = Why(code="endpoint.no_node") if alive is None else None
    address = f"{alive.address}/endpoints/{name}/invocations" if alive else None
    may = act(caller, "endpoint.try", name, "/api/v1/endpoint/try", _command(address), unless=away)
    # Rows that were asked are for those who may ask.
    reads = caller.could("endpoint.try", name)
    asked, asked_ms = inputs.newest_asked(here.predictions, caller.workspace, name, found) if reads else ({}, None)
    row = found if reads else inputs.Known(found.signature, {})
    return RequestForm(
        act=may, address=address, fields=[_field(one) for one in inputs.fields(here.spec, row, asked)], asked_ms=asked_ms
    )


def _command(address: str | None) -> str:
    return f"curl -s {shlex.quote(address or 'http://NODE/invocations')} -H 'content-type: application/json' -d @request.json"


def _field(one: Field) -> RequestInput:
    return RequestInput(
        name=one.name, type=one.type, nullable=one.nullable,  # type: ignore[arg-type]
        categories=list(one.categories) if one.categories is not None else None, known=one.known, promise=one.promise,
        value=one.value, source=one.source,
    )  # fmt: skip

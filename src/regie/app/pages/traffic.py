"""Counted traffic as pages show it: a number a slot for each version and kind, and the sums."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from regie.app.pages.acts import Shown

if TYPE_CHECKING:
    from regie.predictions.traffic import Counts, Flow, Traffic


class Percentiles(Shown):
    """Latencies in milliseconds, off by 1 % at most; None where there was no request."""

    p50: float | None
    p95: float | None
    p99: float | None


class TrafficSum(Percentiles):
    """The requests of a stretch. `failed`: nobody answered them; `instead`: the champion answered in the version's place."""

    requests: int
    failed: int
    instead: int


class VersionSum(TrafficSum):
    """Of one version: what it answered itself, or as a shadow."""

    version: int
    mode: Literal["live", "shadow"]


class TrafficSeries(Shown):
    """One version over time, a number a slot: requests that it answered, or listened to; those failed; those answered in its place."""

    version: int
    mode: Literal["live", "shadow"]
    requests: list[int]
    failed: list[int]
    instead: list[int]
    p50: list[float | None]
    p95: list[float | None]
    p99: list[float | None]


class TrafficShown(Shown):
    """Slots of `step_ms` from `from_ms` on. Where `complete` is false, only what came since `since_ms` is counted yet.

    `felt`: of all live requests as their clients felt them, those included that waited for a version in vain.
    """

    from_ms: int
    to_ms: int
    step_ms: int
    slots: int
    since_ms: int
    complete: bool
    series: list[TrafficSeries]
    sums: list[VersionSum]
    felt: TrafficSum
    felt_p50: list[float | None]
    felt_p95: list[float | None]
    felt_p99: list[float | None]
    felt_requests: list[int]
    felt_failed: list[int]


def shown(traffic: "Traffic", from_ms: int, to_ms: int) -> TrafficShown:
    """As a page shows it."""
    first = from_ms // traffic.step_ms * traffic.step_ms
    slots = max(1, -(-(to_ms - first) // traffic.step_ms))
    by_slot = _by_slot(traffic.flows, first, traffic.step_ms, slots)
    felt = [[flow for flow in flows if flow.kind != "shadow"] for flows in by_slot]
    figures = [_percentiles(flows) for flows in felt]
    sides = sorted({(flow.version, _mode(flow)) for flow in traffic.flows})
    return TrafficShown(
        from_ms=first, to_ms=first + slots * traffic.step_ms, step_ms=traffic.step_ms, slots=slots, since_ms=traffic.since_ms,
        complete=traffic.complete, series=[_series(by_slot, version, mode) for version, mode in sides],
        sums=[_version_sum(traffic.flows, version, mode) for version, mode in sides],
        felt=_sum([flow for flow in traffic.flows if flow.kind != "shadow"]),
        felt_p50=[one[0] for one in figures], felt_p95=[one[1] for one in figures], felt_p99=[one[2] for one in figures],
        felt_requests=[sum(flow.requests for flow in flows) for flows in felt],
        felt_failed=[sum(flow.failed for flow in flows) for flows in felt],
    )  # fmt: skip


def _mode(flow: "Flow") -> Literal["live", "shadow"]:
    return "shadow" if flow.kind == "shadow" else "live"


def _by_slot(flows: Sequence["Flow"], first: int, step_ms: int, slots: int) -> list[list["Flow"]]:
    found: list[list[Flow]] = [[] for _ in range(slots)]
    for flow in flows:
        at = (flow.slot_ms - first) // step_ms
        if 0 <= at < slots:
            found[at].append(flow)
    return found


def _series(by_slot: Sequence[Sequence["Flow"]], version: int, mode: Literal["live", "shadow"]) -> TrafficSeries:
    own = [[flow for flow in flows if flow.version == version and flow.kind == mode] for flows in by_slot]
    instead = [[flow for flow in flows if flow.version == version and flow.kind == "instead"] for flows in by_slot]
    figures = [_percentiles(flows) for flows in own]
    return TrafficSeries(
        version=version, mode=mode, requests=[sum(flow.requests for flow in flows) for flows in own],
        failed=[sum(flow.failed for flow in flows) for flows in own],
        instead=[sum(flow.requests for flow in flows) if mode == "live" else 0 for flows in instead],
        p50=[one[0] for one in figures], p95=[one[1] for one in figures], p99=[one[2] for one in figures],
    )  # fmt: skip


def _version_sum(flows: Sequence["Flow"], version: int, mode: Literal["live", "shadow"]) -> VersionSum:
    own = [flow for flow in flows if flow.version == version and flow.kind == mode]
    instead = sum(flow.requests for flow in flows if flow.version == version and flow.kind == "instead" and mode == "live")
    return VersionSum(version=version, mode=mode, **(_sum(own).model_dump() | {"instead": instead}))


def _sum(flows: Sequence["Flow"]) -> TrafficSum:
    p50, p95, p99 = _percentiles(flows)
    return TrafficSum(
        requests=sum(flow.requests for flow in flows), failed=sum(flow.failed for flow in flows),
        instead=sum(flow.requests for flow in flows if flow.kind == "instead"), p50=p50, p95=p95, p99=p99,
    )  # fmt: skip


def _percentiles(flows: Sequence["Flow"]) -> list[float | None]:
    from regie.predictions.traffic import percentiles, together  # numpy comes with it, which a server at rest does not hold

    bins: Counts = together(flows)
    return percentiles(bins)

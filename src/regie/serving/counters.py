"""What this node counted since it started, in Prometheus' text format. Touched by the event loop's thread alone."""

from bisect import bisect_left
from collections.abc import Iterator

BUCKETS_MS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0)
_NAMES = {
    "requests": "Requests answered or failed, by the version that answered.",
    "errors": "Requests that nobody could answer.",
    "fallbacks": "Requests that the champion answered for this version.",
    "shadow_results": "Requests that this version answered as a shadow.",
    "shadow_errors": "Requests that this version failed on as a shadow.",
    "shadow_drops": "Requests that this version did not see as a shadow, since its queue was full.",
    "restarts": "Times that the process of this version was started again.",
}


class Counter:
    """The numbers of one version of one endpoint."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(_NAMES, 0)
        self.buckets = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0.0

    def add(self, name: str) -> None:
        self.counts[name] += 1

    def answered(self, ms: float) -> None:
        """One request with its latency."""
        self.counts["requests"] += 1
        self.buckets[bisect_left(BUCKETS_MS, ms)] += 1
        self.sum_ms += ms


class Counters:
    """All of them."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, int], Counter] = {}
        self.refused = 0

    def of(self, endpoint: str, version: int) -> Counter:
        """The counter of a version; made where there is none."""
        return self._all.setdefault((endpoint, version), Counter())

    def text(self) -> str:
        """As `GET /metrics` answers."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from ("# HELP regie_refused_total Requests refused before a model saw them.", "# TYPE regie_refused_total counter")
        yield f"regie_refused_total {self.refused}"
        for name, explanation in _NAMES.items():
            yield from (f"# HELP regie_{name}_total {explanation}", f"# TYPE regie_{name}_total counter")
            for (endpoint, version), counter in self._all.items():
                yield f"regie_{name}_total{{{_labels(endpoint, version)}}} {counter.counts[name]}"
        yield from (
            "# HELP regie_latency_seconds Time from a read request to its record.",
            "# TYPE regie_latency_seconds histogram",
        )
        for (endpoint, version), counter in self._all.items():
            yield from _histogram(_labels(endpoint, version), counter)


def _histogram(labels: str, counter: Counter) -> Iterator[str]:
    running = 0
    for bound, count in zip((*BUCKETS_MS, None), counter.buckets, strict=True):
        running += count
        yield f'regie_latency_seconds_bucket{{{labels},le="{"+Inf" if bound is None else bound / 1000:}"}} {running}'
    yield f"regie_latency_seconds_sum{{{labels}}} {counter.sum_ms / 1000:.6f}"
    yield f"regie_latency_seconds_count{{{labels}}} {running}"


def _labels(endpoint: str, version: int) -> str:
    plain = endpoint.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'endpoint="{plain}",version="{version}"'

"""What this node counted since it started, in Prometheus' text format. Touched by the event loop's thread alone."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

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
_SPANS = {
    "latency": "Time from a read request to its record.",
    "fallback_wait": "Time that a request waited for this version, before the champion answered it.",
}
ERROR_CHARS = 200


class Spans:
    """How long things took: counted by bucket, and summed."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0.0

    def add(self, ms: float) -> None:
        self.buckets[bisect_left(BUCKETS_MS, ms)] += 1
        self.sum_ms += ms


class Counter:
    """The numbers of one version of one endpoint. `last_error`: what it, or its process, last failed of."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(_NAMES, 0)
        self.latency, self.waited = Spans(), Spans()
        self.last_error = ""

    def add(self, name: str) -> None:
        self.counts[name] += 1

    def answered(self, ms: float) -> None:
        """One request with its latency."""
        self.counts["requests"] += 1
        self.latency.add(ms)

    def failed(self, name: str, error: str) -> None:
        """One failure of a kind."""
        self.counts[name] += 1
        self.last_error = error[:ERROR_CHARS]

    def fell_back(self, waited_ms: float, error: str) -> None:
        """One request that waited for this version in vain, before the champion answered it."""
        self.failed("fallbacks", error)
        self.waited.add(waited_ms)


class Counters:
    """All of them."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, int], Counter] = {}
        self.refused = 0

    def of(self, endpoint: str, version: int) -> Counter:
        """The counter of a version; made where there is none."""
        return self._all.setdefault((endpoint, version), Counter())

    def damage(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What each version that ever failed did, by endpoint and version. Also asked by the syncer's thread."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for (endpoint, version), counter in list(self._all.items()):
            if counter.last_error or counter.counts["restarts"]:
                said = {name: counter.counts[name] for name in ("fallbacks", "shadow_errors", "restarts")}
                found.setdefault(endpoint, {})[str(version)] = {**said, "last_error": counter.last_error}
        return found

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
        for name, explanation in _SPANS.items():
            yield from (f"# HELP regie_{name}_seconds {explanation}", f"# TYPE regie_{name}_seconds histogram")
            for (endpoint, version), counter in self._all.items():
                spans = counter.latency if name == "latency" else counter.waited
                yield from _histogram(f"regie_{name}_seconds", _labels(endpoint, version), spans)
        yield from ("# HELP regie_last_error_info What this version last failed of.", "# TYPE regie_last_error_info gauge")
        for (endpoint, version), counter in self._all.items():
            if counter.last_error:
                yield f'regie_last_error_info{{{_labels(endpoint, version)},error="{_plain(counter.last_error)}"}} 1'


def _histogram(name: str, labels: str, spans: Spans) -> Iterator[str]:
    running = 0
    for bound, count in zip((*BUCKETS_MS, None), spans.buckets, strict=True):
        running += count
        yield f'{name}_bucket{{{labels},le="{"+Inf" if bound is None else bound / 1000:}"}} {running}'
    yield f"{name}_sum{{{labels}}} {spans.sum_ms / 1000:.6f}"
    yield f"{name}_count{{{labels}}} {running}"


def _labels(endpoint: str, version: int) -> str:
    return f'endpoint="{_plain(endpoint)}",version="{version}"'


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

"""One endpoint at one generation, ready to answer: its champion opened here, its other variants in their processes.

Immutable, so that a request which began with it ends with it, whatever is swapped meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regie.predictions.ids import PredictionIds
from regie.runtime.facts import NATIVE
from regie.runtime.package import Package
from regie.runtime.signature import Row
from regie.serving import records
from regie.serving.children import resident_bytes
from regie.serving.counters import Counter, Counters
from regie.serving.isolated import VariantProcess
from regie.serving.routefile import Endpoint, Variant
from regie.serving.rows import Splitter

THREAD_ROWS = 64  # more rows than this take longer than handing them to a thread


@dataclass(frozen=True)
class Place:
    """A variant with what it needs: its process, unless it is the champion; its counter; the openings of its records."""

    variant: Variant
    process: VariantProcess | None
    counter: Counter
    answer_opening: str
    shadow_opening: str


class LiveRoute:
    """What answers one endpoint. `endpoint.champion` is there."""

    def __init__(
        self, endpoint: Endpoint, package: Package, processes: dict[str, VariantProcess], counters: Counters, tag: int
    ) -> None:
        assert endpoint.champion is not None
        self.endpoint, self.package, self.processes = endpoint, package, processes
        self.alone = len(endpoint.variants) == 1
        self.splitter = Splitter(endpoint, package.reader)
        self.names = package.reader.names
        self.ids = PredictionIds(endpoint.mac_key, tag)
        self.deadline_s = endpoint.deadline_ms / 1000
        self._places = {id(variant): self._place(variant, counters) for variant in endpoint.variants}
        self.champion = self._places[id(endpoint.champion)]

    def place(self, variant: Variant) -> Place:
        """Where a variant of this endpoint is."""
        return self._places[id(variant)]

    def slow(self, rows: Sequence[Row]) -> bool:
        """Whether answering would keep other requests waiting."""
        return len(rows) > THREAD_ROWS or self.package.path_name == NATIVE

    def body(self) -> dict[str, Any]:
        """What `/health` tells."""
        versions = {variant.path: variant.version for variant in self.endpoint.variants}
        return {
            "generation": self.endpoint.generation, "version": self.champion.variant.version, "path": self.package.path_name,
            "processes": {str(versions[path]): process.pid for path, process in self.processes.items()},
            "memory_bytes": {
                str(versions[path]): resident_bytes(process.pid) for path, process in self.processes.items() if process.pid
            },
        }  # fmt: skip

    def _place(self, variant: Variant, counters: Counters) -> Place:
        endpoint = self.endpoint
        process = None if variant.role == "champion" else self.processes[variant.path]
        return Place(
            variant, process, counters.of(endpoint.name, variant.version),
            records.opening("p", endpoint, variant, self.names), records.opening("s", endpoint, variant),
        )  # fmt: skip

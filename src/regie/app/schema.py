"""Every table of the product, literally: importing this module fills `metadata`."""

import regie.data.tables
import regie.gates.tables
import regie.loop.tables
import regie.monitoring.tables
import regie.pipelines.tables
import regie.registry.tables
import regie.rollout.tables
import regie.tracking.tables
import regie.tracking.traces.tables  # noqa: F401
from regie.store.tables import metadata

__all__ = ["metadata"]

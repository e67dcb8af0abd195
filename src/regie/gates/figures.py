"""What a judgement measured of its challenger, as metrics with names: `judged.log_loss`, `judged.recall.by.sex.gap`, `judged.latency.p95`.

A name is `judged.` and what the gate measures, without its bound, so that a changed threshold leaves the name; two gates on one figure
are one metric. `judged.rows`: on how many held-out rows. Units are those of the gates: fractions, milliseconds, bytes.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from regie.spec.expressions import METRICS, Expression, Metric, parse
from regie.tracking.types import JUDGED

ROWS = f"{JUDGED}rows"
_UNUSABLE = re.compile(r"[^\w \-]")  # in a part of a metric's name; a column may have any


def figures(found: Mapping[str, Any]) -> dict[str, float]:
    """By name, of what `evaluate` answers; empty where no gate has a figure, as of a challenger that cannot answer its rows."""
    said = {name_of(parse(one["gate"])): one["value"] for one in found["gates"]}
    usable = {name: float(value) for name, value in said.items() if value is not None and math.isfinite(value)}
    return {**usable, ROWS: float(found["rows"])} if usable else {}


def name_of(gate: Expression) -> str:
    group = f".by.{_UNUSABLE.sub('_', gate.by)}" if gate.by else ""
    return f"{JUDGED}{gate.metric}{group}" + (f".{gate.part}" if gate.part else "")


def better(name: str) -> Literal["higher", "lower"] | None:
    """Which way is better, of a name of ours; None for rows, which are a size, and for a name that is none.

    >>> better("judged.auc"), better("judged.recall.by.sex.gap"), better("judged.latency.p95"), better("judged.rows")
    ('higher', 'lower', 'lower', None)
    """
    known = _known(name)
    if known is None or known.family == "check":
        return None
    # A gap between groups is a fault, whatever it is a gap of.
    apart = ".by." in name and name.endswith(".gap")
    return "lower" if apart or known.better == "lower" else "higher"


def of_quality(name: str) -> bool:
    """Whether it says how well the version answers, not what its answers cost."""
    known = _known(name)
    return known is not None and known.family == "quality"


def _known(name: str) -> Metric | None:
    return METRICS.get(name.removeprefix(JUDGED).partition(".")[0]) if name.startswith(JUDGED) else None

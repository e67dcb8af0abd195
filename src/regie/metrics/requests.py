"""95 % intervals of what is counted a request: a share, and a percentile. Requests are taken as independent of each other."""

import math

import numpy as np

from regie.metrics.intervals import Z_975
from regie.metrics.rows import FloatArray


def share_interval(hits: int, requests: int) -> tuple[float, float] | None:
    """Wilson's score interval of a share (1927); None where there is no request.

    >>> low, high = share_interval(0, 100)
    >>> low, round(high, 3)
    (0.0, 0.037)
    """
    if not requests:
        return None
    share, z = hits / requests, Z_975
    middle = share + z * z / (2 * requests)
    half = z * math.sqrt(share * (1 - share) / requests + z * z / (4 * requests**2))
    scale = 1 + z * z / requests
    return (max(0.0, (middle - half) / scale) if hits else 0.0, min(1.0, (middle + half) / scale) if hits < requests else 1.0)


def percentile_interval(values: FloatArray, percent: float) -> tuple[float | None, float | None]:
    """Two of the values, whose ranks enclose the percentile's (Conover, Practical Nonparametric Statistics, 3.2); an end is None where
    too few values lie beyond it. Both ranks are rounded up, as there.

    >>> percentile_interval(np.arange(1.0, 101.0), 50)
    (41.0, 60.0)
    >>> percentile_interval(np.arange(1.0, 101.0), 99)
    (98.0, None)
    """
    count, share = len(values), percent / 100
    half = Z_975 * math.sqrt(count * share * (1 - share))
    below, above = math.ceil(count * share - half), math.ceil(count * share + half)
    ordered = np.sort(values)
    return (float(ordered[below - 1]) if below >= 1 else None, float(ordered[above - 1]) if above <= count else None)

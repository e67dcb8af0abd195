"""What drift is measured against: profiles of the days that a challenger learnt from, and which features matter most to it.

Runs in an isolated process, where there is no database. The importance of a feature is the mean absolute change of the model's
answers when the feature's values are shuffled over the rows (permutation importance: Breiman, 2001, without labels).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regie.gates.evaluate import columns_for, plain
from regie.monitoring import drift
from regie.runtime.package import Package, open_package

NEWEST_BLOCKS = 60
SAMPLE_ROWS = 500
SEED = 20131


def profiles(payload: dict[str, Any]) -> dict[str, Any]:
    """One profile for each drift monitor, by its key; from the newest 60 blocks of the training rows."""
    package = open_package(Path(payload["package"]))
    table = pq.read_table(payload["rows"])
    names = [column.name for column in package.signature]
    ranked = importance(package, table)
    made = {}
    for monitor in payload["monitors"]:
        wanted = list(monitor["features"]) or drift.top_features(ranked, monitor["top"])
        times = np.asarray(plain(table[payload["time"]]), np.int64) // monitor["over_ms"]
        newest = times > times.max() - NEWEST_BLOCKS
        recent = table.filter(pa.array(newest))
        columns = {name: plain(recent[name]) for name in wanted if name in names}
        made[monitor["key"]] = drift.profile(columns, times[newest])
    return made


def importance(package: Package, table: pa.Table) -> dict[str, float]:
    """By how much the answers change, on average, when one feature is shuffled."""
    chance = np.random.default_rng(SEED)
    picked = np.sort(chance.choice(table.num_rows, min(SAMPLE_ROWS, table.num_rows), replace=False))
    rows = package.reader.rows_of_columns(columns_for(package, table.take(pa.array(picked))))
    told = np.asarray(package.answer(rows), np.float64)
    found = {}
    for at, column in enumerate(package.signature):
        shuffled = [rows[int(other)][at] for other in chance.permutation(len(rows))]
        changed = [[*row[:at], value, *row[at + 1 :]] for row, value in zip(rows, shuffled, strict=True)]
        found[column.name] = float(np.abs(np.asarray(package.answer(changed), np.float64) - told).mean())
    return found

"""One row through one model inside a process: Regie's path without DataFrames beside the same booster on a DataFrame of one row."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas

from benchmarks import model
from regie.runtime.package import open_package

ROUNDS, OURS, THEIRS = 7, 4_000, 200


def run() -> list[str]:
    """Lines of a table: microseconds of CPU a row, the median of the rounds, and the ratio within each round."""
    estimator = model.trained()
    with tempfile.TemporaryDirectory() as folder:
        package = open_package(model.package(estimator, Path(folder) / "package"))
    rows, known = model.records(500), estimator.booster_.pandas_categorical

    def theirs(row: dict[str, Any]) -> float:
        one = pandas.DataFrame([row])
        for name, categories in zip(("carrier", "place"), known, strict=True):
            one[name] = pandas.Categorical(one[name], categories=categories)
        return float(estimator.predict_proba(one)[0, 1])

    def ours(row: dict[str, Any]) -> float:
        return float(package.answer_records([row])[0])

    worst = max(abs(ours(row) - theirs(row)) for row in rows[:100])
    assert worst < 1e-9, f"the two paths answer differently by {worst}"
    figures = [(_microseconds(ours, rows, OURS), _microseconds(theirs, rows, THEIRS)) for _ in range(ROUNDS)]
    ratios = [peer / own for own, peer in figures]
    return [
        "| path | microseconds of CPU a row |",
        "|---|---|",
        f"| Regie: row checked against the signature, then the booster's single-row call | {statistics.median(f[0] for f in figures):.1f} |",
        f"| peer: `pandas.DataFrame` of one row, then `predict_proba` | {statistics.median(f[1] for f in figures):.1f} |",
        "",
        f"Ratio: {statistics.median(ratios):.0f} (between {min(ratios):.0f} and {max(ratios):.0f} over {ROUNDS} rounds). "
        "Both give the same answers.",
    ]


def _microseconds(answer: Callable[[dict[str, Any]], float], rows: list[dict[str, Any]], count: int) -> float:
    began = time.process_time()
    for number in range(count):
        answer(rows[number % len(rows)])
    return (time.process_time() - began) / count * 1e6


if __name__ == "__main__":
    print("\n".join(run()))

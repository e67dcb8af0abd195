"""Judge a challenger where there is no database: packages and held-out rows in, JSON out.

Challenger and champion answer the *same* rows, through the code that will answer in production (`runtime.package`). Blocks are
UTC days of the rows' own time. Latency is that of one-row answers in this process, without HTTP; memory is what loading the
package and answering added to the resident set of this process, or the size of its files where that is more (libraries that
were loaded before are not counted).
"""

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from regie.base.clock import DAY_MS, monotonic
from regie.base.errors import BadInput
from regie.gates.decide import Holdout, judge, measured, overall
from regie.gates.types import GateResult
from regie.metrics.answers import ModelTask, answer_for, missing, outputs_of, truth_of, usable
from regie.metrics.catalogue import metric_of
from regie.metrics.intervals import improvement_interval
from regie.metrics.rows import FloatArray
from regie.runtime.package import Package, open_package
from regie.spec.expressions import Expression, parse

BATCH_ROWS = 5_000
WARM_UP, TIMED = 20, 300


@dataclass(frozen=True)
class Payload:
    """What is judged on what. `holdout`: Parquet file or Arrow table with the columns of both signatures, the label, the time
    (integer milliseconds or timestamp), and the evaluation columns. `attempts` counts this judgement too."""

    challenger: Path
    champion: Path | None
    holdout: Path | pa.Table
    label: str
    time: str
    task: ModelTask
    gates: tuple[str, ...]
    attempts: int = 1

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Payload":
        """From JSON: `task` as in `regie.yaml`, folders and file as texts."""
        champion, task = given.get("champion"), given["task"]
        return cls(
            Path(given["challenger"]),
            Path(champion) if champion else None,
            Path(given["holdout"]),
            given["label"],
            given["time"],
            ModelTask(**{**task, "classes": tuple(task.get("classes", ()))}),
            tuple(given["gates"]),
            given.get("attempts", 1),
        )


def evaluate(payload: Payload) -> dict[str, Any]:
    """Every gate's result and what follows: `{verdict, because, rows, blocks, from_ms, to_ms, gates: [GateResult]}`, JSON.

    Raises BadInput for a holdout without its columns and for a champion that cannot answer it.
    """
    gates = [parse(text) for text in payload.gates]
    table = labelled(payload.holdout, payload.label, payload.time)
    times = times_of(table, payload.time)
    before = resident_bytes()
    package = open_package(payload.challenger)
    task = payload.task if payload.task.classes else replace(payload.task, classes=tuple(package.classes))
    rows, told, failure = answered(package, table, task)
    figures: dict[str, Any] = {} if failure else {**latency(package, rows), "memory": memory(payload.challenger, before)}
    holdout = None if failure else held_out(payload, task, table, times, told)
    results = [judged(gate, holdout, figures, failure) for gate in gates]
    outcome = overall(results, payload.attempts)
    return {
        "verdict": outcome.verdict, "because": outcome.because, "rows": table.num_rows, "blocks": len(np.unique(times // DAY_MS)),
        "from_ms": int(times.min()) if len(times) else None, "to_ms": int(times.max()) if len(times) else None,
        "gates": [result.body() for result in results],
    }  # fmt: skip


def evaluate_json(given: dict[str, Any]) -> dict[str, Any]:
    """`evaluate`, JSON in and out: how a child process is asked."""
    return evaluate(Payload.of(given))


def judged(gate: Expression, holdout: Holdout | None, figures: dict[str, Any], failure: str) -> GateResult:
    """One gate. A challenger that cannot answer its rows fails every gate: it would not answer in production either."""
    if holdout is None:
        return GateResult(gate.text, "failed", detail={"because": "challenger.cannot_answer", "error": failure})
    if gate.metric == "latency":
        return measured(gate, figures.get(gate.part or "p95"), {"unit": "ms", "calls": figures["calls"], "rows_per_call": 1})
    if gate.metric == "memory":
        return measured(gate, figures["memory"], {"unit": "bytes"})
    return judge(gate, holdout)


def held_out(payload: Payload, task: ModelTask, table: pa.Table, times: npt.NDArray[np.int64], told: FloatArray) -> Holdout:
    """The rows with the outputs of both models. Raises BadInput where the champion has no usable answer for a row."""
    theirs = None
    if payload.champion is not None:
        _, theirs, failure = answered(open_package(payload.champion), table, task)
        if failure:
            raise BadInput(
                f"the champion cannot answer the holdout: {failure}", str(payload.champion), "roll it back, or repair it"
            )
    wanted = {gate.by for gate in map(parse, payload.gates) if gate.by in table.column_names}
    groups = {name: np.array(table[name].to_pylist(), object) for name in wanted if name}
    truth = truth_of(task, table[payload.label].to_pylist())
    return Holdout(task, truth, told, theirs, times // DAY_MS, groups)


def labelled(holdout: Path | pa.Table, label: str, time: str) -> pa.Table:
    """The rows whose label is known."""
    table = pq.read_table(holdout) if isinstance(holdout, Path) else holdout
    for name in (label, time):
        if name not in table.column_names:
            raise BadInput(f"the holdout has no column `{name}`", "holdout", f"columns: {', '.join(table.column_names)}")
    return table.filter(pa.array([not missing(value) for value in table[label].to_pylist()], pa.bool_()))


def times_of(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """Milliseconds `(rows,)`."""
    return np.array(plain(table[name]), np.int64)


def plain(column: pa.ChunkedArray) -> list[Any]:
    """Values as a signature takes them: times as integer milliseconds, missing ones as None, never NaN."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    values: list[Any] = column.to_pylist()
    if pa.types.is_floating(column.type):
        return [None if value is None or value != value else value for value in values]
    return values


def columns_for(package: Package, table: pa.Table) -> dict[str, list[Any]]:
    """The inputs of the package's signature. Raises BadInput for a column that the holdout lacks."""
    absent = [column.name for column in package.signature if column.name not in table.column_names]
    if absent:
        raise BadInput(f"the holdout has no column `{absent[0]}`", "holdout", "the model's signature asks for it")
    return {column.name: plain(table[column.name]) for column in package.signature}


def answered(package: Package, table: pa.Table, task: ModelTask) -> tuple[list[list[Any]], FloatArray, str]:
    """The rows as the endpoint would read them, the outputs; or why they are not usable."""
    columns = columns_for(package, table)
    try:
        rows = package.reader.rows_of_columns(columns)
        told = [one for at in range(0, len(rows), BATCH_ROWS) for one in package.answer(rows[at : at + BATCH_ROWS])]
        outputs = outputs_of(task, told)
    except Exception as error:  # noqa: BLE001 - a model's own code may raise anything; that is a verdict on it, and recorded
        return [], np.empty(0), f"{type(error).__name__}: {error}"[:500]
    wrong = len(rows) - int(usable(task, outputs).sum())
    return rows, outputs, f"{wrong} of {len(rows)} outputs are no probability or finite number" if wrong else ""


def latency(package: Package, rows: list[list[Any]]) -> dict[str, Any]:
    """Milliseconds of one-row answers, over up to 300 rows spread over the holdout, after a warm-up."""
    if not rows:
        return {"calls": 0}
    picked = [rows[int(at)] for at in np.linspace(0, len(rows) - 1, min(TIMED, len(rows)))]
    for row in picked[:WARM_UP]:
        package.answer([row])
    took: list[float] = []
    for row in picked:
        start = monotonic()
        package.answer([row])
        took.append((monotonic() - start) * 1000)
    p50, p95, p99 = (float(figure) for figure in np.percentile(took, (50, 95, 99)))
    return {"p50": p50, "p95": p95, "p99": p99, "calls": len(took)}


def memory(folder: Path, before_bytes: int) -> float:
    """Bytes that the package takes; see the module's docstring for what that is."""
    files = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return float(max(resident_bytes() - before_bytes, files))


def resident_bytes() -> int:
    """The resident set of this process now; its peak where the system does not tell (macOS)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def choose(
    metric: str, task: ModelTask, labels: Sequence[Any], outputs: Sequence[Sequence[Any]], times_ms: npt.NDArray[np.int64]
) -> tuple[int, str, list[dict[str, Any]]]:
    """Which candidate becomes the challenger: the first (all data), unless the interval says that a later one is better.

    All answered the same rows, of the inner window before the holdout. Returns the index, the reason, and for each later
    candidate the improvement over the one that led so far, with its interval.
    """
    of, truth, blocks = metric_of(metric), truth_of(task, labels), np.asarray(times_ms) // DAY_MS
    known = np.isfinite(truth)
    told = [answer_for(of, task, outputs_of(task, given)) for given in outputs]
    sound = [at for at, given in enumerate(outputs) if usable(task, outputs_of(task, given)).all()]
    if not sound:
        raise BadInput("no candidate answered every row of the inner window", "candidates", "look at the outputs of the training")
    lead, because, compared = sound[0], "default.first" if sound[0] == 0 else "earlier.cannot_answer", []
    for at in sound[1:]:
        gain = improvement_interval(of, truth[known], told[at][known], told[lead][known], blocks[known])
        better = gain.low is not None and gain.low > 0
        compared.append({"candidate": at, "against": lead, "gain": gain.value, "low": gain.low, "high": gain.high,
                         "rows": gain.rows, "blocks": gain.blocks, "better": better})  # fmt: skip
        if better:
            lead, because = at, "interval.better"
    return lead, because, compared


def choose_json(given: dict[str, Any]) -> dict[str, Any]:
    """`choose` among packages, JSON in and out: `{candidates: [folder], inner: Parquet, label, time, task, metric?}` gives
    `{chosen, because, compared}`. Without `metric`: log loss of a classification, mean absolute error of a number.
    """
    task = ModelTask(**{**given["task"], "classes": tuple(given["task"].get("classes", ()))})
    table = labelled(Path(given["inner"]), given["label"], given["time"])
    packages = [open_package(Path(folder)) for folder in given["candidates"]]
    task = task if task.classes else replace(task, classes=tuple(packages[0].classes))
    silent: list[Any] = [None] * table.num_rows
    told = [silent if failure else list(outputs) for _, outputs, failure in (answered(one, table, task) for one in packages)]
    metric = given.get("metric") or ("mae" if task.kind == "regression" else "log_loss")
    chosen, because, compared = choose(metric, task, table[given["label"]].to_pylist(), told, times_of(table, given["time"]))
    return {"chosen": chosen, "because": because, "compared": compared}

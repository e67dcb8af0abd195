"""Answers of models as plain numbers: the native path on a DataFrame, and the fast one without.

binary: the probability of the positive class; multiclass: the probabilities in the order of the classes; regression: a number.
Libraries run with one thread: an endpoint has one worker a core, and waiting for a pool costs milliseconds a row.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from regie.base.errors import BadInput
from regie.runtime.frames import frame_of
from regie.runtime.signature import Row, Signature

Kind = Literal["binary", "regression", "multiclass"]
KINDS: tuple[Kind, ...] = ("binary", "regression", "multiclass")
Answerer = Callable[[Sequence[Row]], list[Any]]


def column_of(kind: Kind, classes: Sequence[Any], positive: Any) -> int | None:
    """Which column of the probabilities is the answer; None: all. Raises BadInput where there is no such class."""
    if kind != "binary":
        return None
    if len(classes) != 2:
        raise BadInput(f"the model knows {len(classes)} classes, {list(classes)[:5]}; a binary one knows two")
    if positive is None:
        return 1
    for index, known in enumerate(classes):
        if known == positive:
            return index
    raise BadInput(f"the model never saw the positive class {positive!r}; it knows {list(classes)}")


def estimator_answers(estimator: Any, inputs: Any, kind: Kind, column: int | None) -> list[Any]:
    """Answers of an object with scikit-learn's methods, for a DataFrame or a matrix."""
    if kind == "regression":
        return [float(value) for value in estimator.predict(inputs)]
    probabilities = estimator.predict_proba(inputs)
    return list((probabilities if column is None else probabilities[:, column]).astype(float).tolist())


def on_frames(estimator: Any, signature: Signature, dtypes: Sequence[str], kind: Kind, column: int | None) -> Answerer:
    """The native path of an estimator."""

    def answer(rows: Sequence[Row]) -> list[Any]:
        return estimator_answers(estimator, frame_of(signature, dtypes, rows), kind, column) if rows else []

    return answer


def on_matrices(estimator: Any, signature: Signature, kind: Kind, column: int | None) -> Answerer | None:
    """The path of an estimator without DataFrames; None where a column is not numeric. Changes the estimator."""
    import numpy

    if any(one.type == "str" or one.categories is not None for one in signature):
        return None
    for part in parts(estimator):  # else scikit-learn warns of a matrix at each row
        vars(part).pop("feature_names_in_", None)

    def answer(rows: Sequence[Row]) -> list[Any]:
        matrix = numpy.array(rows, dtype=numpy.float64).reshape(len(rows), len(signature))  # None becomes NaN
        return estimator_answers(estimator, matrix, kind, column) if rows else []

    return answer


def booster_on_frames(booster: Any, signature: Signature, dtypes: Sequence[str], kind: Kind, column: int | None) -> Answerer:
    """The native path of a LightGBM booster."""

    def answer(rows: Sequence[Row]) -> list[Any]:
        if not rows:
            return []
        return booster_answers(booster.predict(frame_of(signature, dtypes, rows), num_threads=1).tolist(), kind, column)

    return answer


def booster_answers(values: list[Any], kind: Kind, column: int | None) -> list[Any]:
    """Answers from what a booster predicts: of two classes it gives the probability of the second."""
    return [1.0 - value for value in values] if kind == "binary" and column == 0 else values


def one_thread(estimator: Any) -> None:
    """Make every part of an estimator use one thread."""
    for part in parts(estimator):
        if "n_jobs" in vars(part):
            part.n_jobs = 1


def parts(estimator: Any) -> Iterator[Any]:
    """An estimator and every object with attributes inside it, each once."""
    waiting, seen = [estimator], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif type(one).__module__.startswith(("sklearn.", "lightgbm.sklearn")) and hasattr(one, "__dict__"):
            yield one
            waiting.extend(vars(one).values())

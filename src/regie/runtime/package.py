"""A model package: an MLflow model folder, and beside it `regie.json` with what MLflow has no words for.

Written and opened without mlflow. A folder that another MLflow client wrote has no `regie.json`: its native model answers.

| path | answers by | when |
|---|---|---|
| `lightgbm-rows` | LightGBM's own calls, no DataFrame | parity proved |
| `numpy-rows` | scikit-learn on a matrix | all columns numeric, parity proved |
| `native` | the library on a DataFrame | always right, 1 to 8 milliseconds a row |
"""

import importlib.metadata
import math
import pickle
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regie.base.canonical import file_digest
from regie.base.errors import BadInput, NotThereYet
from regie.base.loading import loading
from regie.runtime import facts as facts_file
from regie.runtime import mlmodel, models, pickles
from regie.runtime.facts import LIGHTGBM_ROWS, NATIVE, NUMPY_ROWS, Facts
from regie.runtime.frames import default_dtypes, dtypes_of
from regie.runtime.mlmodel import PackageRefused
from regie.runtime.models import Answerer, Kind
from regie.runtime.parity import ROWS, TOLERANCE, Parity, difference, prove, rows_like
from regie.runtime.signature import Column, Row, RowReader, Signature

if TYPE_CHECKING:
    import pandas

ISOLATED = "it runs only in an isolated process with the libraries of its own lock, and that is not there yet"
LOADER = "regie_loader_1"  # its own name, so that a loader of another format can stand beside it in one process
BOOSTER_FILE, PICKLE_FILE = "model.lgb", "model.pkl"
CHECKS = 20
SLOW_SINGLES = 256  # scikit-learn costs 0.2 to 3 milliseconds a row
_OBJECTIVES: dict[str, Kind] = {"binary": "binary", "cross_entropy": "binary", "multiclass": "multiclass",
                                "multiclassova": "multiclass"}  # fmt: skip


class Package:
    """An opened package. Used by any number of threads; open it after a fork, not before."""

    def __init__(self, facts: Facts, path_name: str, answer: Answerer) -> None:
        self.signature, self.kind, self.classes, self.positive = facts.signature, facts.kind, facts.classes, facts.positive
        self.parity = facts.parity
        self.path_name = path_name
        self.reader = RowReader(facts.signature)
        self.answer = answer  # (rows as `reader` gives them) -> one answer a row

    def answer_records(self, records: Sequence[dict[str, Any]]) -> list[Any]:
        """Check rows, then answer them. Raises BadRow."""
        return self.answer(self.reader.rows(records))


@loading(stays=False)
def open_package(folder: Path, signature: Signature | None = None) -> Package:
    """Open a package for answering. `signature` is used where the package itself has none.

    Raises PackageRefused for what is not answered from here, PickleRefused for a pickle that names what is not allowed.
    """
    content = mlmodel.read(folder)
    flavors, facts = content["flavors"], facts_file.read(folder)
    if "lightgbm" not in flavors and "sklearn" not in flavors:
        names = ", ".join(sorted(set(flavors) - {"python_function"})) or "python_function"
        raise PackageRefused(f"its flavor is {names}; scikit-learn and LightGBM are answered here", str(folder), ISOLATED)
    model = _model(folder, flavors)
    if facts is None:
        found = mlmodel.signature_of(content, str(folder)) or signature
        if found is None:
            raise PackageRefused("it has no signature", str(folder), "log the model with signature=infer_signature(inputs)")
        facts = _foreign_facts(model, found, str(folder))
    if facts.path != NATIVE and (fast := _fast(model, facts)) and _still_true(fast, facts):
        return Package(facts, facts.path, fast)
    return Package(facts, NATIVE, _native(_model(folder, flavors) if facts.path == NUMPY_ROWS else model, facts))


def write_package(
    folder: Path, estimator: Any, signature: Signature, example: "pandas.DataFrame", positive: Any, kind: Kind
) -> None:
    """Write the package of a model into an empty or absent folder.

    `example`: inputs as in training, at least one row, thousands are better; the paths are proved with rows like them.
    Raises NotThereYet for other libraries, PickleRefused for code of one's own, BadInput where model and signature disagree.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BadInput("the folder is not empty", str(folder), "write each package into a folder of its own")
    rows = _example_rows(signature, example)
    folder.mkdir(parents=True, exist_ok=True)
    module = type(estimator).__module__.split(".")[0]
    if module == "lightgbm":
        facts, model = _write_booster(folder, estimator, signature, example, positive, kind)
        column = models.column_of(kind, facts.classes, positive)
        wanted = _first_answers(estimator, example, kind, column)
    elif hasattr(estimator, "predict") and hasattr(estimator, "get_params"):
        facts, model = _write_pickle(folder, estimator, signature, example, positive, kind)
        wanted = models.estimator_answers(estimator, example, kind, models.column_of(kind, facts.classes, positive))
    else:
        raise NotThereYet(
            f"a model of {type(estimator).__module__}.{type(estimator).__qualname__} cannot be packaged: {ISOLATED}",
            do="use scikit-learn or LightGBM",
        )
    _prove(facts, model, rows, folder).write(folder)
    _same_as(open_package(folder), rows, wanted, str(folder))


def _model(folder: Path, flavors: dict[str, Any]) -> Any:
    """The model of a folder: a booster, or an estimator from an allowed pickle; with one thread."""
    flavor = flavors.get("lightgbm") or flavors["sklearn"]
    name = str(flavor.get("data") or flavor.get("pickled_model") or "")
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise PackageRefused(f"its model file {name!r} is not in it", str(folder), "log the model again")
    if "lightgbm" in flavors and flavor.get("model_class", "lightgbm.basic.Booster") == "lightgbm.basic.Booster":
        return _booster(path)
    if flavor.get("serialization_format", "cloudpickle") not in ("pickle", "cloudpickle"):
        raise PackageRefused(
            f"it was saved as {flavor['serialization_format']}", str(folder), "log it with serialization_format='pickle'"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another version of the library: the lock pins it, the checks judge it
        model = pickles.load(path.read_bytes(), str(path))
    if "lightgbm" in flavors and not hasattr(model, "booster_"):
        raise PackageRefused("its pickle holds no trained LightGBM model", str(folder), "log the model again")
    models.one_thread(model)
    return model


def _booster(path: Path) -> Any:
    import lightgbm

    try:
        return lightgbm.Booster(model_str=path.read_text("utf-8"))
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError, ValueError) as error:
        raise PackageRefused(f"LightGBM cannot read it: {error}", str(path), "make the package again") from error


def _native(model: Any, facts: Facts) -> Answerer:
    column = models.column_of(facts.kind, facts.classes, facts.positive)
    on = models.booster_on_frames if _is_booster(model) else models.on_frames
    return on(model, facts.signature, facts.dtypes, facts.kind, column)


def _fast(model: Any, facts: Facts) -> Answerer | None:
    """The path without DataFrames that this type of model has; not proved yet. Changes a scikit-learn model."""
    column = models.column_of(facts.kind, facts.classes, facts.positive)
    if not _is_booster(model):
        return models.on_matrices(model, facts.signature, facts.kind, column)
    from regie.runtime.trees import Trees

    trees = Trees(model, facts.signature)
    return lambda rows: models.booster_answers(trees.answer(rows), facts.kind, column)


def _is_booster(model: Any) -> bool:
    return type(model).__module__ == "lightgbm.basic"


def _still_true(fast: Answerer, facts: Facts) -> bool:
    return all(difference(fast([row])[0], answer) <= TOLERANCE for row, answer in facts.checks)


def _foreign_facts(model: Any, signature: Signature, where: str) -> Facts:
    """Facts of a folder that another client wrote."""
    booster = getattr(model, "booster_", model) if type(model).__module__.startswith("lightgbm") else None
    if booster is not None:
        signature = _with_categories(signature, booster.pandas_categorical, where)
    classes = tuple(_plain(value) for value in getattr(model, "classes_", ()))
    kind: Kind = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    if _is_booster(model):
        kind = _OBJECTIVES.get(_objective(model), "regression")
        classes = (0, 1) if kind == "binary" else tuple(range(model.num_model_per_iteration())) if kind == "multiclass" else ()
    elif classes and not hasattr(model, "predict_proba"):
        raise PackageRefused("it is a classifier without probabilities", where, "calibrate it (CalibratedClassifierCV)")
    return Facts(kind, None, classes, signature, default_dtypes(signature))


def _with_categories(signature: Signature, categories: list[list[Any]] | None, where: str) -> Signature:
    """LightGBM keeps categories by position among the columns that have any; MLflow calls those strings."""
    if not categories:
        return signature
    names = [column.name for column in signature if column.type == "str"]
    if len(names) != len(categories):
        raise PackageRefused(
            f"it has {len(categories)} columns of categories, its signature {len(names)} of strings",
            where,
            "package it with Regie",
        )
    known = dict(zip(names, (tuple(_plain(value) for value in values) for values in categories), strict=True))
    return tuple(replace(column, categories=known.get(column.name)) for column in signature)


def _example_rows(signature: Signature, example: "pandas.DataFrame") -> list[Row]:
    names = [column.name for column in signature]
    if list(example.columns) != names:
        raise BadInput(f"the example has the columns {list(example.columns)}, the signature {names}")
    if not len(example):
        raise BadInput("the example has no row, so that nothing can be proved with it", do="pass the inputs of the training")
    columns = {column.name: _values(column, example[column.name]) for column in signature}
    return RowReader(signature).rows_of_columns(columns)


def _values(column: Column, series: Any) -> list[Any]:
    if column.type == "time" and str(series.dtype).startswith("datetime64"):
        return [None if value != value else round(value.timestamp() * 1000) for value in series]
    holes = series.isna().tolist()
    return [None if hole else value for hole, value in zip(holes, series.tolist(), strict=True)]


def _write_booster(
    folder: Path, estimator: Any, signature: Signature, example: "pandas.DataFrame", positive: Any, kind: Kind
) -> tuple[Facts, Any]:
    booster = getattr(estimator, "booster_", estimator)
    if not _is_booster(booster):
        raise BadInput(f"{type(estimator).__qualname__} cannot be packaged", do="package an LGBMModel or a Booster")
    booster.save_model(folder / BOOSTER_FILE)
    saved = _booster(folder / BOOSTER_FILE)
    if not _objective(saved):
        raise PackageRefused("it has an objective of its own, so its answers are raw scores", str(folder), ISOLATED)
    dtypes = dtypes_of(example)
    named = [column.name for column, dtype in zip(signature, dtypes, strict=True) if dtype == "category"]
    known = dict(zip(named, saved.pandas_categorical or [], strict=True))
    signature = tuple(replace(c, categories=tuple(known[c.name]) if c.name in known else None) for c in signature)
    defaults = (0, 1) if kind == "binary" else tuple(range(saved.num_model_per_iteration())) if kind == "multiclass" else ()
    classes = tuple(_plain(value) for value in getattr(estimator, "classes_", defaults)) if kind != "regression" else ()
    flavors = {
        "lightgbm": {"data": BOOSTER_FILE, "model_class": "lightgbm.basic.Booster", "code": None,
                     "lgb_version": _version("lightgbm")},
        "python_function": {"loader_module": LOADER, "data": BOOSTER_FILE, "code": "code"},
    }  # fmt: skip
    (folder / "code").mkdir()
    shutil.copyfile(Path(__file__).with_name("loader.py"), folder / "code" / f"{LOADER}.py")
    mlmodel.write(folder, flavors, signature, file_digest(folder / BOOSTER_FILE), ["lightgbm", "numpy", "pandas", "scipy"])
    return Facts(kind, _plain(positive), classes, signature, dtypes), saved


def _write_pickle(
    folder: Path, estimator: Any, signature: Signature, example: "pandas.DataFrame", positive: Any, kind: Kind
) -> tuple[Facts, Any]:
    try:
        data = pickle.dumps(estimator, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise PackageRefused(f"the model cannot be pickled: {error}", do=ISOLATED) from error
    pickles.check(data, type(estimator).__qualname__)
    if kind != "regression" and not hasattr(estimator, "predict_proba"):
        raise BadInput(f"{type(estimator).__qualname__} gives no probabilities", do="calibrate it (CalibratedClassifierCV)")
    (folder / PICKLE_FILE).write_bytes(data)
    classes = tuple(_plain(value) for value in getattr(estimator, "classes_", ())) if kind != "regression" else ()
    libraries = ["numpy", "pandas", "scikit-learn", "scipy"] + (["lightgbm"] if b"lightgbm.sklearn" in data else [])
    flavors = {
        "sklearn": {"pickled_model": PICKLE_FILE, "serialization_format": "pickle", "code": None,
                    "sklearn_version": _version("scikit-learn")},
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": PICKLE_FILE,
                            "predict_fn": "predict" if kind == "regression" else "predict_proba"},
    }  # fmt: skip
    mlmodel.write(folder, flavors, signature, file_digest(folder / PICKLE_FILE), sorted(libraries))
    dtypes = dtypes_of(example)
    known = {
        c: tuple(_plain(v) for v in example[c].cat.categories) for c, d in zip(example, dtypes, strict=True) if d == "category"
    }
    signature = tuple(replace(column, categories=known.get(column.name, column.categories)) for column in signature)
    return Facts(kind, _plain(positive), classes, signature, dtypes), pickles.load(data)


def _prove(facts: Facts, model: Any, rows: list[Row], folder: Path) -> Facts:
    """The facts with the path that will answer and its proof."""
    flavors = mlmodel.read(folder)["flavors"]
    native, fast = _native(_model(folder, flavors), facts), _fast(model, facts)
    checks = tuple(zip(rows[:CHECKS], native(rows[:CHECKS]), strict=True))
    facts = replace(facts, checks=checks)
    if fast is None:
        return facts
    singles = ROWS if _is_booster(model) else SLOW_SINGLES
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a path that warns at each row is not one to answer by
        parity = prove(native, fast, rows_like(facts.signature, rows), singles)
    path = (LIGHTGBM_ROWS if _is_booster(model) else NUMPY_ROWS) if parity.proved else NATIVE
    return replace(facts, path=path, parity=_figure(parity))


def _figure(parity: Parity) -> dict[str, Any]:
    known = math.isfinite(parity.greatest_difference)
    figure = {"rows": parity.rows, "proved": parity.proved, "greatest_difference": parity.greatest_difference if known else None}
    return figure | ({"because": parity.because} if parity.because else {})


def _same_as(package: Package, rows: list[Row], wanted: list[Any], where: str) -> None:
    """The package answers as the model that it was made from; else it is not released to anybody."""
    worst = max(difference(one, other) for one, other in zip(package.answer(rows), wanted, strict=True))
    if not worst <= TOLERANCE:
        raise PackageRefused(f"it answers differently from the model it was made from, by {worst}", where, "report this")


def _first_answers(model: Any, example: "pandas.DataFrame", kind: Kind, column: int | None) -> list[Any]:
    if not _is_booster(model):
        return models.estimator_answers(model, example, kind, column)
    return models.booster_answers(model.predict(example, num_threads=1).tolist(), kind, column)


def _objective(booster: Any) -> str:
    """`binary`, `multiclass`, `regression`...; empty for one of one's own."""
    text = booster.model_to_string(num_iteration=1)
    line = next((line for line in text.splitlines() if line.startswith("objective=")), "objective=")
    words = line.removeprefix("objective=").split()
    return "" if not words or words[0] in ("custom", "none") else str(words[0])


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _version(library: str) -> str:
    return importlib.metadata.version(library)

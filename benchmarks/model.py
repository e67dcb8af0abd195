"""The model that every benchmark answers with: 120 trees of LightGBM on 17 columns, two of them categories."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy
import pandas

from regie.runtime.package import write_package
from regie.runtime.signature import Column

CARRIERS, PLACES = [f"C{n}" for n in range(10)], [f"P{n:02d}" for n in range(60)]
NUMBERS = [f"number_{n:02d}" for n in range(15)]
ROWS = 20_000


def frame(rows: int, seed: int) -> pandas.DataFrame:
    """Made-up rows with the columns of the model."""
    chance = numpy.random.default_rng(seed)
    return pandas.DataFrame({
        "carrier": pandas.Categorical(chance.choice(CARRIERS, rows), categories=CARRIERS),
        "place": pandas.Categorical(chance.choice(PLACES, rows), categories=PLACES),
        **{name: chance.normal(size=rows) for name in NUMBERS},
    })  # fmt: skip


def trained() -> lightgbm.LGBMClassifier:
    """The same model each time."""
    inputs = frame(ROWS, 0)
    chance = numpy.random.default_rng(1).normal(size=ROWS)
    late = inputs[NUMBERS[:5]].sum(axis=1).to_numpy() + inputs["carrier"].cat.codes.to_numpy() / 3 + chance > 2
    return lightgbm.LGBMClassifier(n_estimators=120, learning_rate=0.05, num_leaves=15, n_jobs=1, verbose=-1).fit(inputs, late)


def package(model: lightgbm.LGBMClassifier, folder: Path) -> Path:
    """The model as a package of Regie."""
    signature = (Column("carrier", "str"), Column("place", "str"), *(Column(name, "float") for name in NUMBERS))
    write_package(folder, model, signature, frame(2_000, 2), True, "binary")
    return folder


def records(count: int) -> list[dict[str, Any]]:
    """Rows as a client sends them."""
    rows: list[dict[str, Any]] = frame(count, 3).astype({"carrier": str, "place": str}).to_dict("records")
    return rows

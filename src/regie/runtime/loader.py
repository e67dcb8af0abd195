"""Lets any MLflow tool answer from a LightGBM package of Regie, Regie itself absent: a copy of this file travels in the package.

MLflow hands plain strings where the model knows categories, and LightGBM refuses those; here they become categories, unknown ones
missing values. Answers are those of Regie: for two classes, the probability of the positive one. Imports nothing of Regie.
"""

import json
from pathlib import Path
from typing import Any

import lightgbm
import pandas


class Model:
    """What `mlflow.pyfunc` calls."""

    def __init__(self, path: Path) -> None:
        facts = json.loads((path.parent / "regie.json").read_bytes())
        self.booster = lightgbm.Booster(model_file=path)
        self.known = {one["name"]: one["categories"] for one in facts["signature"] if one.get("categories") is not None}
        first = facts["kind"] == "binary" and facts["positive"] is not None and facts["positive"] == facts["classes"][0]
        self.first_is_positive = first

    def predict(self, data: pandas.DataFrame, params: dict[str, Any] | None = None) -> Any:
        frame = data.copy(deep=False)
        for name, known in self.known.items():
            values = frame[name].astype(object)
            frame[name] = pandas.Categorical(values.where(values.isin(known), None), categories=known)
        answers = self.booster.predict(frame, num_threads=1)
        return 1.0 - answers if self.first_is_positive else answers


def _load_pyfunc(path: str) -> Model:
    return Model(Path(path))

"""The unmodified `mlflow` client at Regie's door: loads the first version, and tries what is forbidden."""

import logging
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regie.cli.story.running import WORKSPACE, Regie


@dataclass(frozen=True)
class Refusal:
    """What the client was told. Status 0: it was not refused."""

    status: int
    says: str


def scores(regie: Regie, version: int, rows: pd.DataFrame) -> np.ndarray:
    """`mlflow.pyfunc.load_model("models:/flights/1")` on rows, in one batch: `(rows,)` probabilities."""
    import mlflow  # 1 s to import, and only two acts need it

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"{regie.address}/w/{WORKSPACE}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = mlflow.pyfunc.load_model(f"models:/{WORKSPACE}/{version}")
        return np.asarray(model.predict(rows), dtype=float).reshape(len(rows))


def crown(regie: Regie, version: int) -> Refusal:
    """Try to set the alias that is the champion's."""
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient(f"{regie.address}/w/{WORKSPACE}", f"{regie.address}/w/{WORKSPACE}")
    try:
        client.set_registered_model_alias(WORKSPACE, "champion", str(version))
    except MlflowException as refused:
        return Refusal(refused.get_http_status_code(), str(refused))
    return Refusal(0, "it was set")

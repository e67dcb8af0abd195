"""The peer of `serve_one_row`: what a team writes in an afternoon. FastAPI, uvicorn, the same model on a DataFrame; no log, no ids.

`python -m benchmarks.peer PORT MODEL`; MODEL is a pickle of the estimator.
"""

import pickle
import sys
from pathlib import Path
from typing import Any

import pandas
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    """As MLflow's scoring protocol has it."""

    dataframe_records: list[dict[str, Any]]


def application(estimator: Any) -> FastAPI:
    """One route. A coroutine: a thread pool would only cost it time with one client."""
    app, categories = FastAPI(), estimator.booster_.pandas_categorical

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/invocations")
    async def invocations(body: Body) -> dict[str, list[float]]:
        rows = pandas.DataFrame(body.dataframe_records)
        for name, known in zip(("carrier", "place"), categories, strict=True):
            rows[name] = pandas.Categorical(rows[name], categories=known)
        return {"predictions": estimator.predict_proba(rows)[:, 1].tolist()}

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(pickle.loads(Path(sys.argv[2]).read_bytes())), host="127.0.0.1", port=int(sys.argv[1]), log_level="error"
    )

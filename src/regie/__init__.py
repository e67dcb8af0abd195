"""Regie: a model's whole loop, from data to production and back, as code.

`import regie` is light: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from regie.base.version import VERSION

if TYPE_CHECKING:
    from regie.client.http import Client
    from regie.data.table import Dataset, Table
    from regie.pipelines.steps import Model, pipeline, step

__version__ = VERSION
__all__ = ["Client", "Dataset", "Model", "Table", "pipeline", "step"]

_HOME = {
    "Client": "regie.client.http",
    "Dataset": "regie.data.table",
    "Model": "regie.pipelines.steps",
    "Table": "regie.data.table",
    "pipeline": "regie.pipelines.steps",
    "step": "regie.pipelines.steps",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'regie' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""LightGBM without DataFrames: categories are encoded here, one row is answered through the library's own single-row call.

One thread for each call: with the library's default the pool's threads wait for each other, which costs milliseconds.
Never call it before a fork that answers too: the pool of threads does not survive one.
"""

import ctypes
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import lightgbm
import numpy

from regie.runtime.signature import Row, Signature

_NAN = float("nan")
_NORMAL, _FLOAT64 = 0, 1  # C_API_PREDICT_NORMAL, C_API_DTYPE_FLOAT64 of LightGBM's c_api.h


class Trees:
    """Rows of a signature to answers of a booster. Used by any number of threads."""

    def __init__(self, booster: Any, signature: Signature) -> None:
        self._booster = booster
        self._codes = tuple(
            (index, {value: float(code) for code, value in enumerate(column.categories)})
            for index, column in enumerate(signature)
            if column.categories is not None
        )
        self._single = SingleRow.of(booster, len(signature))

    def answer(self, rows: Sequence[Row]) -> list[Any]:
        """A number a row, or a list of numbers where there are several classes."""
        if len(rows) == 1 and self._single is not None:
            return [self._single.answer(numpy.array(self._encoded(rows[0]), dtype=numpy.float64))]
        matrix = numpy.array([self._encoded(row) for row in rows], dtype=numpy.float64)  # None becomes NaN
        return list(self._booster.predict(matrix.reshape(len(rows), -1), num_threads=1).tolist()) if len(rows) else []

    def _encoded(self, row: Row) -> Row:
        encoded = list(row)
        for index, codes in self._codes:
            encoded[index] = codes.get(encoded[index], _NAN)
        return encoded


class SingleRow:
    """The library's call for one row: no checks, no copies, 3 to 10 times faster than its Python door.

    The library keeps scratch memory for it, so calls stand behind a lock. It lives as long as its booster.
    """

    def __init__(self, booster: Any, library: Any, features: int) -> None:
        self._booster, self._library = booster, library
        self._handle, self._lock = ctypes.c_void_p(), threading.Lock()
        self._outputs = max(1, int(booster.num_model_per_iteration()))
        self._features = features
        done = library.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle, ctypes.c_int(_NORMAL), ctypes.c_int(0), ctypes.c_int(booster.best_iteration or -1),
            ctypes.c_int(_FLOAT64), ctypes.c_int32(features), ctypes.c_char_p(b"num_threads=1"), ctypes.byref(self._handle),
        )  # fmt: skip
        if done != 0:
            raise OSError("LightGBM refused its single-row call")
        self._call = library.LGBM_BoosterPredictForMatSingleRowFast
        self._out = (ctypes.c_double * self._outputs)()
        self._length = ctypes.c_int64()
        self._length_at = ctypes.byref(self._length)

    @classmethod
    def of(cls, booster: Any, features: int) -> "SingleRow | None":
        """None where this version of the library does not offer the call, or the model has another number of features."""
        library = getattr(getattr(lightgbm, "basic", None), "_LIB", None)
        if booster.num_feature() != features or not hasattr(library, "LGBM_BoosterPredictForMatSingleRowFastInit"):
            return None
        with suppress(OSError, AttributeError, ctypes.ArgumentError):
            return cls(booster, library, features)
        return None

    def answer(self, row: Any) -> Any:
        """The answer for one contiguous float64 row `(features,)`."""
        with self._lock:
            if self._call(self._handle, ctypes.c_void_p(row.ctypes.data), self._length_at, self._out) != 0:
                raise RuntimeError("LightGBM failed on a row")
            values = list(self._out)
        return values[0] if self._outputs == 1 else values

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.LGBM_FastConfigFree(self._handle)

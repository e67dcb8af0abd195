"""Rows as the DataFrame that a model was trained on: same names, same types, same categories.

This path costs about a millisecond a row; it is the reference against which faster paths are proved.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from regie.runtime.signature import Column, Row, Signature

if TYPE_CHECKING:
    import pandas

_DEFAULT_DTYPES = {"float": "float64", "int": "int64", "bool": "bool", "str": "str", "time": "int64"}


def dtypes_of(example: "pandas.DataFrame") -> tuple[str, ...]:
    """The pandas type of each column, as text."""
    return tuple(str(dtype) for dtype in example.dtypes)


def default_dtypes(signature: Signature) -> tuple[str, ...]:
    """The types that a frame has where nobody wrote down those of the training."""
    return tuple("category" if column.categories is not None else _DEFAULT_DTYPES[column.type] for column in signature)


def frame_of(signature: Signature, dtypes: Sequence[str], rows: Sequence[Row]) -> "pandas.DataFrame":
    """`(rows, features)`; an unknown category and a null become missing values."""
    import pandas

    columns = {
        column.name: _series(column, dtype, [row[index] for row in rows])
        for index, (column, dtype) in enumerate(zip(signature, dtypes, strict=True))
    }
    return pandas.DataFrame(columns, copy=False)


def _series(column: Column, dtype: str, values: list[Any]) -> Any:
    import pandas

    if dtype == "category":
        known = column.categories or ()
        return pandas.Categorical(pandas.array([value if value in known else None for value in values], dtype=object),
                                  categories=list(known))  # fmt: skip
    if dtype.startswith("datetime64"):
        moments = pandas.to_datetime(pandas.Series(values, dtype="Int64"), unit="ms", utc=True)
        moments = moments if "UTC" in dtype else moments.dt.tz_localize(None)
        return moments.astype(pandas.api.types.pandas_dtype(dtype))
    if None in values and dtype.startswith(("int", "uint", "bool")):
        dtype = "float64"  # how pandas shows numbers with holes
    return pandas.Series(values, dtype=dtype)

"""Bodies of requests and answers: MLflow's scoring protocol, and the Open Inference Protocol v2.

Both become a list of records, one dict a row. Raises Malformed for what is not JSON, BadInput for what is not of the protocol,
TooLarge for more than 10,000 rows.
"""

import json
from typing import Any

from regie.base.errors import BadInput
from regie.serving.errors import Malformed, TooLarge
from regie.serving.records import encode, ids_json
from regie.serving.router import Answer

ROWS = 10_000
Records = list[dict[str, Any]]
_FORMS = ("dataframe_records", "dataframe_split", "inputs")
_NUMBERS = ("FP64", "FP32", "INT64", "INT32")
_DATATYPES = (*_NUMBERS, "BOOL", "BYTES")


def parse(body: bytes) -> dict[str, Any]:
    """A JSON object."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}", do="send a JSON object") from None
    if not isinstance(data, dict):
        raise Malformed("the body is not a JSON object", do=f"send an object with one of {', '.join(_FORMS)}")
    return data


def scoring_records(data: dict[str, Any]) -> Records:
    """The rows of MLflow's scoring protocol."""
    if len(data) != 1:
        raise BadInput(f"the body has the keys {', '.join(sorted(data)) or '(none)'}", do=f"send one of {', '.join(_FORMS)}")
    form, value = next(iter(data.items()))
    if form == "dataframe_records":
        return _limited(_dicts(value, form))
    if form == "dataframe_split":
        return _limited(_of_split(value))
    if form == "inputs":
        return _limited(_of_columns(value, form) if isinstance(value, dict) else _dicts(value, form))
    raise BadInput(f"the body has the key {form}", do=f"send one of {', '.join(_FORMS)}")


def scoring_answer(answer: Answer) -> str:
    """The answer of MLflow's scoring protocol, with ids."""
    return (
        f'{{"predictions":{answer.answers_json},"prediction_ids":{answer.ids_json},"version":"{answer.version}",'
        f'"request_id":{encode(answer.request_id)}}}'
    )


def inference_records(data: dict[str, Any]) -> Records:
    """The rows of an Open Inference Protocol request: named tensors of shape [n] or [n, 1]."""
    tensors = data.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise BadInput("inputs is not a list of tensors", do="send each feature as a tensor of shape [n] or [n, 1]")
    columns: dict[str, list[Any]] = {}
    for tensor in tensors:
        name, values = _tensor(tensor)
        if name in columns:
            raise BadInput(f"the tensor {name} is sent twice")
        columns[name] = values
    return _limited(_of_columns(columns, "inputs"))


def inference_answer(answer: Answer, model: str, request_id: str) -> str:
    """The answer of the Open Inference Protocol: tensors `predictions` and `prediction_ids`."""
    rows = len(answer.ids)
    first = answer.answers[0] if answer.answers else None
    width = [len(first)] if isinstance(first, list) else []
    flat = encode([number for row in answer.answers for number in row]) if width else answer.answers_json
    return (
        f'{{"model_name":{encode(model)},"model_version":"{answer.version}","id":{encode(request_id)},"outputs":['
        f'{{"name":"predictions","datatype":"FP64","shape":{encode([rows, *width])},"data":{flat}}},'
        f'{{"name":"prediction_ids","datatype":"BYTES","shape":[{rows}],"data":{ids_json(answer.ids)}}}]}}'
    )


def _tensor(tensor: Any) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise BadInput("a tensor has no name", "inputs")
    name, kind, shape, values = tensor["name"], tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    if kind not in _DATATYPES:
        raise BadInput(f"its datatype is {kind!r}", f"tensor {name}", f"send one of {', '.join(_DATATYPES)}")
    if not isinstance(shape, list) or len(shape) not in (1, 2) or shape[1:] not in ([], [1]) or type(shape[0]) is not int:
        raise BadInput(f"its shape is {shape!r}", f"tensor {name}", "send [n] or [n, 1]")
    if not isinstance(values, list):
        raise BadInput("it has no data", f"tensor {name}", "send data as a JSON list; the binary extension is not taken here")
    if values and isinstance(values[0], list):
        values = [one for row in values for one in (row if isinstance(row, list) else [row])]
    if len(values) != shape[0]:
        raise BadInput(f"its shape is {shape}, its data has {len(values)} values", f"tensor {name}")
    if kind in _NUMBERS and any(isinstance(value, bool | str) for value in values):
        raise BadInput(f"its datatype is {kind}, its data is not", f"tensor {name}")
    return name, values


def _of_split(value: Any) -> Records:
    if not isinstance(value, dict) or not isinstance(value.get("columns"), list) or not isinstance(value.get("data"), list):
        raise BadInput("dataframe_split has no columns or no data", do='send {"columns": [...], "data": [[...]]}')
    columns = value["columns"]
    if not all(isinstance(column, str) for column in columns) or len(set(columns)) != len(columns):
        raise BadInput("columns of dataframe_split are not different names")
    for number, row in enumerate(value["data"], 1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise BadInput(f"it has not the {len(columns)} values that columns announces", f"row {number}")
    return [dict(zip(columns, row, strict=True)) for row in value["data"]]


def _of_columns(columns: dict[str, Any], form: str) -> Records:
    lengths = {name: len(values) if isinstance(values, list) else -1 for name, values in columns.items()}
    if -1 in lengths.values():
        name = next(name for name, length in lengths.items() if length == -1)
        raise BadInput(f"{name} is not a list", form, "send a list of values for each column")
    if len(set(lengths.values())) > 1:
        raise BadInput(f"columns have different lengths: {lengths}", form, "send as many values in each column")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _dicts(value: Any, form: str) -> Records:
    if not isinstance(value, list):
        raise BadInput(f"{form} is not a list of objects")
    for number, record in enumerate(value, 1):
        if not isinstance(record, dict):
            raise BadInput(f"it is not an object: {form} takes a list of objects", f"row {number}")
    return value


def _limited(rows: Records) -> Records:
    if not rows:
        raise BadInput("there is no row in it", do="send at least one row")
    if len(rows) > ROWS:
        raise TooLarge(f"{len(rows)} rows are more than {ROWS}", do="send fewer rows in a request")
    return rows

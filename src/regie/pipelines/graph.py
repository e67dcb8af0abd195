"""The graph of a pipeline: its function, called once with symbolic datasets while calls of steps are recorded.

Parameters are known when a run starts, so they are plain values: the function may compute with them. What a step returns, and a
dataset, is a symbol: it can only be handed to a step, or returned. Type hints are the graph's types. Building a graph runs user code,
so it happens in a child process (`task.py`).
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from regie.base.canonical import canonical
from regie.base.errors import BadInput, NotFound
from regie.pipelines.steps import Pipeline, Step, recorder

HANDED = {"regie.data.table.Dataset": "Dataset", "regie.data.table.Table": "Table", "regie.pipelines.steps.Model": "Model"}
JSON = "json"
MAX_NODES = 1_000
SHOWN_NODES = 20


class BadGraph(BadInput):
    """The function is not a pipeline: steps do not fit together, or it computes what only steps may."""

    code, status, exit_code = "pipeline.bad_graph", 422, 2


@dataclass(frozen=True)
class Argument:
    """What a step is given: `{"ref": node}`, `{"input": dataset parameter}` or `{"value": JSON}`."""

    kind: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        return {self.kind: self.value}


@dataclass(frozen=True)
class Node:
    """One call of a step. `returns`: Table, Model or json. `timeout_s` in seconds."""

    name: str
    step: str
    arguments: dict[str, Argument]
    returns: str
    retries: int = 0
    timeout_s: float | None = None
    memory_bytes: int | None = None
    threads: int = 1
    deterministic: bool = True

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"arguments": {name: one.to_json() for name, one in self.arguments.items()}}

    @property
    def refs(self) -> list[str]:
        return [one.value for one in self.arguments.values() if one.kind == "ref"]


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after what it takes. `datasets`: the pipeline's parameters that are datasets."""

    pipeline: str
    datasets: tuple[str, ...]
    params: dict[str, Any]
    nodes: tuple[Node, ...]
    output: Argument
    returns: str = JSON

    def to_json(self) -> dict[str, Any]:
        return {
            "pipeline": self.pipeline, "datasets": list(self.datasets), "params": self.params,
            "nodes": [node.to_json() for node in self.nodes], "output": self.output.to_json(), "returns": self.returns,
        }  # fmt: skip

    def followed(self, names: Iterable[str]) -> tuple[str, ...]:
        """These tasks and all that take what they return, in the order of the graph. Raises NotFound."""
        found = set(names)
        unknown = found - {node.name for node in self.nodes}
        if unknown:
            known = ", ".join(node.name for node in self.nodes[:SHOWN_NODES])
            raise NotFound(f"the pipeline has no task {min(unknown)}", self.pipeline, f"one of {known}")
        for node in self.nodes:
            if not found.isdisjoint(node.refs):
                found.add(node.name)
        return tuple(node.name for node in self.nodes if node.name in found)


def from_json(data: dict[str, Any]) -> Graph:
    """The graph that `to_json` wrote."""
    nodes = tuple(
        Node(**(one | {"arguments": {name: _argument(given) for name, given in one["arguments"].items()}}))
        for one in data["nodes"]
    )
    return Graph(data["pipeline"], tuple(data["datasets"]), data["params"], nodes, _argument(data["output"]), data["returns"])


def _argument(data: dict[str, Any]) -> Argument:
    ((kind, value),) = data.items()
    return Argument(kind, value)


class Symbol:
    """What a step will return, or a dataset, while the graph is built. Everything but handing it on is an error."""

    def __init__(self, argument: Argument, hint: str, shown: str) -> None:
        object.__setattr__(self, "_symbol", (argument, hint, shown))

    def __repr__(self) -> str:
        return f"<{self._symbol[2]}, not computed yet>"

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_computed(self, f"`.{name}`")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise _not_computed(self, f"setting `.{name}`")

    __hash__ = object.__hash__


def _refuses(name: str, shown: str) -> Callable[..., NoReturn]:
    def refuse(self: Symbol, *_: Any) -> NoReturn:
        raise _not_computed(self, shown)

    refuse.__name__ = name
    return refuse


_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@", "and": "&",
    "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
_REFUSED = {
    "bool": "a condition on it", "len": "len()", "iter": "a loop over it", "next": "next()", "getitem": "[...]", "setitem": "[...]",
    "delitem": "del", "contains": "in", "call": "a call of it", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "neg": "-", "pos": "+", "invert": "~", "abs": "abs()", "int": "int()", "float": "float()", "index": "a number made of it",
    "round": "round()", "format": "text made of it", "str": "text made of it", "bytes": "bytes made of it", "enter": "with",
    **_OPERATORS, **{f"r{name}": sign for name, sign in _OPERATORS.items()}, **{f"i{name}": sign for name, sign in _OPERATORS.items()},
}  # fmt: skip
for _name, _shown in _REFUSED.items():
    setattr(Symbol, f"__{_name}__", _refuses(f"__{_name}__", _shown))


def build(pipeline: Pipeline, params: dict[str, Any]) -> Graph:
    """Call the pipeline's function and record its steps. Raises BadGraph; what user code raises passes through."""
    where = pipeline.where
    hints = hints_of(pipeline.function, where)
    signature = inspect.signature(pipeline.function)
    datasets = tuple(name for name in signature.parameters if hint_name(hints.get(name, Any)) == "Dataset")
    unknown = set(params) - (set(signature.parameters) - set(datasets))
    if unknown:
        takes = ", ".join(name for name in signature.parameters if name not in datasets) or "none"
        raise BadGraph(f"it has no parameter {sorted(unknown)[0]!r}", where, f"its parameters: {takes}")
    given = _given(signature, hints, datasets, params, where)
    recording = _Recording(where)
    token = recorder.set(recording)
    try:
        returned = pipeline.function(**given)
    finally:
        recorder.reset(token)
    if not recording.nodes:
        raise BadGraph("it calls no step", where, "call a function marked with @step in it")
    output = recording.argument(returned, hints.get("return", Any), f"what {pipeline.name} returns")
    values = {name: value for name, value in given.items() if name not in datasets}
    return Graph(where, datasets, values, tuple(recording.nodes), output, hint_name(hints.get("return", Any)))


def _given(
    signature: inspect.Signature, hints: dict[str, Any], datasets: tuple[str, ...], params: dict[str, Any], where: str
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        hint = hints.get(name, Any)
        if name in datasets:
            given[name] = Symbol(Argument("input", name), "Dataset", f"the dataset {name}")
        elif hint_name(hint) != JSON:
            raise BadGraph(f"its parameter {name} is a {hint_name(hint)}", where, "a pipeline takes datasets and JSON values")
        elif name in params:
            given[name] = _fitting(params[name], hint, name, where)
        elif parameter.default is not inspect.Parameter.empty:
            given[name] = _json(parameter.default, f"the default of {name}", where)
        else:
            raise BadGraph(f"its parameter {name} has no value", where, f"-p {name}=VALUE, or a default")
    return given


class _Recording:
    """The calls of steps, in their order, which is a topological one."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.nodes: list[Node] = []

    def record(self, called: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Symbol:
        """Note one call. Raises BadGraph where it does not fit the step's type hints."""
        _importable(called)
        signature, hints = inspect.signature(called.function), hints_of(called.function, called.where)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadGraph(f"{called.name}: {error}", self.where, f"it takes {signature}") from error
        arguments: dict[str, Argument] = {}
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            if kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                raise BadGraph(f"{called.name} takes *{name}", called.where, "name each of a step's parameters")
            arguments[name] = self.argument(value, hints.get(name, Any), f"{name} of {called.name}")
        returns = hint_name(hints.get("return", Any))
        if returns == "Dataset":
            raise BadGraph("it returns a Dataset", called.where, "return a Table: rows.read()")
        node = Node(
            self.free_name(called.name), called.where, arguments, returns, called.retries, called.timeout_s, called.memory_bytes,
            int(called.resources.get("cpu", 1)), called.deterministic,
        )  # fmt: skip
        if len(self.nodes) >= MAX_NODES:
            raise BadGraph(f"it calls more than {MAX_NODES} steps", self.where, "give a step more of the work")
        self.nodes.append(node)
        return Symbol(Argument("ref", node.name), returns, f"what {node.name} returns")

    def argument(self, value: Any, hint: Any, shown: str) -> Argument:
        """A value as an argument, checked against its type hint."""
        if not isinstance(value, Symbol):
            return Argument("value", _fitting(value, hint, shown, self.where))
        argument, kind, source = object.__getattribute__(value, "_symbol")
        wanted = hint_name(hint)
        if hint is not Any and wanted != kind:
            do = f"read it in a step first: {argument.value}.read()" if (kind, wanted) == ("Dataset", "Table") else ""
            raise BadGraph(f"{shown} is a {wanted}; {source} is a {kind}", self.where, do or "correct the type hint, or the call")
        return argument  # type: ignore[no-any-return]

    def free_name(self, name: str) -> str:
        taken, number, free = {node.name for node in self.nodes}, 2, name
        while free in taken:
            free, number = f"{name}-{number}", number + 1
        return free


def hints_of(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """The type hints of a function, resolved. Raises BadGraph for one that names nothing."""
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError) as error:
        raise BadGraph(f"a type hint cannot be read: {error}", where, "import the type, or correct its name") from error


def hint_name(hint: Any) -> str:
    """Dataset, Table, Model; json for every other type."""
    return HANDED.get(f"{getattr(hint, '__module__', '')}.{getattr(hint, '__qualname__', '')}", JSON)


def fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value is what a type hint allows; a hint that is not of JSON allows anything."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, inspect.Parameter.empty, object):
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is typing.Annotated:
        return fits(value, inner[0])
    kind = origin or hint
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (list, tuple) and isinstance(value, list | tuple):
        return all(fits(one, inner[0]) for one in value) if kind is list and inner else True
    if kind is dict and isinstance(value, dict) and len(inner) == 2:
        return all(isinstance(key, str) and fits(one, inner[1]) for key, one in value.items())
    return isinstance(value, kind) if isinstance(kind, type) else True


def shown_hint(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and typing.get_origin(hint) is None else str(hint).replace("typing.", "")


def _fitting(value: Any, hint: Any, shown: str, where: str) -> Any:
    if hint_name(hint) != JSON:
        what = f"{shown} is a {hint_name(hint)}, not {type(value).__name__}"
        raise BadGraph(what, where, "give it what a step returns, or a dataset of the pipeline")
    plain = _json(value, shown, where)
    if not fits(value, hint):
        raise BadGraph(f"{shown} is {value!r}, not {shown_hint(hint)}", where, "give a value of that type")
    return plain


def _json(value: Any, shown: str, where: str) -> Any:
    if any(isinstance(one, Symbol) for one in _leaves(value)):
        raise BadGraph(f"{shown} holds what a step returns inside a list or dict", where, "pass it as an argument of its own")
    try:
        canonical(value)
    except (TypeError, ValueError) as error:
        raise BadGraph(f"{shown} is no JSON value: {error}", where, "pass numbers, text, lists and dicts") from error
    return value


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list | tuple):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def _importable(called: Step) -> None:
    """The child finds the step by its name: under that name its module must hold this very step."""
    found: Any = inspect.getmodule(called.function)
    for part in called.function.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not called:
        raise BadGraph(
            f"{called.name} is not what its module holds under that name", called.where,
            "mark the function itself with @step, at the top of its module",
        )  # fmt: skip


def _not_computed(symbol: Symbol, doing: str) -> BadGraph:
    shown = object.__getattribute__(symbol, "_symbol")[2]
    return BadGraph(f"{shown} is not computed yet, so {doing} is not possible", "the pipeline's function", "do it inside a step")

"""What a project writes: `@step`, `@pipeline`, `Model`. Light: nothing here imports numpy, pandas or the store.

Outside a run a step and a pipeline are the ordinary functions that they wrap. While a graph is built, a call of a step is
recorded instead of made.
"""

import functools
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, overload

from regie.base.clock import UNITS_MS
from regie.base.errors import BadInput

MAX_RETRIES = 20
RESOURCES = ("cpu", "memory")
_SPAN = re.compile(r"(\d+)\s*(ms|s|m|h|d|w)")
_SIZE = re.compile(r"(\d+)\s*(KB|MB|GB)")
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


class BadStep(BadInput):
    """A step or a pipeline that is declared in a way that cannot run."""

    code, status, exit_code = "pipeline.bad_step", 422, 2


class Recorder(Protocol):
    """Takes the calls of steps while a graph is built."""

    def record(self, called: "Step", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


class Wrapped:
    """A function of the user's under the name that it has in its module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        functools.update_wrapper(self, function)  # type: ignore[arg-type]

    @property
    def where(self) -> str:
        """`module:function`."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def name(self) -> str:
        return self.function.__name__

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.where}>"


class Step(Wrapped):
    """One function of a pipeline. `timeout_s` in seconds, None for no limit; `memory_bytes` likewise."""

    def __init__(
        self, function: Callable[..., Any], retries: int = 0, timeout: str | None = None,
        resources: Mapping[str, Any] | None = None, deterministic: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(function)
        if not isinstance(retries, int) or not 0 <= retries <= MAX_RETRIES:
            raise BadStep(f"retries is {retries!r}, not 0 to {MAX_RETRIES}", self.where)
        unknown = set(resources or {}) - set(RESOURCES)
        if unknown:
            raise BadStep(f"there is no resource {sorted(unknown)[0]!r}", self.where, f"one of {', '.join(RESOURCES)}")
        self.retries, self.deterministic = retries, deterministic
        self.resources = dict(resources or {})
        self.timeout_s = None if timeout is None else seconds(timeout, self.where)
        self.memory_bytes = size_bytes(self.resources["memory"], self.where) if "memory" in self.resources else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        taking = recorder.get()
        return self.function(*args, **kwargs) if taking is None else taking.record(self, args, kwargs)


class Pipeline(Wrapped):
    """A function of steps."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


@overload
def step(function: Callable[..., Any], /) -> Step: ...
@overload
def step(
    *, retries: int = ..., timeout: str | None = ..., resources: Mapping[str, Any] | None = ..., deterministic: bool = ...
) -> Callable[[Callable[..., Any]], Step]: ...
def step(
    function: Callable[..., Any] | None = None, /, *, retries: int = 0, timeout: str | None = None,
    resources: Mapping[str, Any] | None = None, deterministic: bool = True,
) -> Step | Callable[[Callable[..., Any]], Step]:  # fmt: skip
    """Make a function a step, bare or with options.

    `retries`: attempts after the first. `timeout`: "90s", "2h". `resources`: {"cpu": 2, "memory": "4GB"}; its native libraries
    get as many threads. `deterministic=False`: never answered from the cache, for steps that read what is not declared.
    """
    if function is not None:
        return Step(function)
    return lambda wrapped: Step(wrapped, retries, timeout, resources, deterministic)


def pipeline(function: Callable[..., Any]) -> Pipeline:
    """Make a function of steps a pipeline; its type hints are the graph's types."""
    return Pipeline(function)


@dataclass(frozen=True)
class Model:
    """A fitted estimator, as a step returns it. `positive`: the class whose probability is the answer of a binary model."""

    estimator: Any
    positive: Any = None

    def predict(self, features: Any) -> Any:
        """The estimator's own answer for a frame of features."""
        return self.estimator.predict(features)


def seconds(text: str, where: str) -> float:
    """Seconds of "90s", "2h". Raises BadStep."""
    match = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not int(match[1]):
        raise BadStep(f"timeout {text!r} is not a duration", where, "write a number and a unit: 90s, 20m, 2h")
    return int(match[1]) * UNITS_MS[match[2]] / 1000


def size_bytes(text: str, where: str) -> int:
    """Bytes of "500MB", "4GB". Raises BadStep."""
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not int(match[1]):
        raise BadStep(f"memory {text!r} is not a size", where, "write a number and a unit: 500MB, 4GB")
    return int(match[1]) * _SIZES[match[2]]

"""The grammar of checks, gates, guards and monitors: one parser, one meaning.

`parse("recall(by sex).gap <= 0.05")`. The grammar stands in `docs/reference/expressions.md`. Percentages are fractions,
times milliseconds, sizes bytes. Raises Malformed, with the offset of the character, for whatever the grammar does not know.
"""

import operator as compare
from collections.abc import Callable
from dataclasses import dataclass

from regie.spec.scanner import Malformed, Quantity, Scanner, nearest, plain, written

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": compare.ge, "<=": compare.le, "==": compare.eq, "!=": compare.ne, ">": compare.gt, "<": compare.lt,
}  # fmt: skip
REFERENCES = ("champion_at_release", "champion")
PERCENTILES = ("p50", "p95", "p99")
GROUP_PARTS = ("gap", "min", "max")


@dataclass(frozen=True)
class Metric:
    """What the grammar knows of a metric. `argument`: `none`, `column` (needed) or `by` (a group column, optional)."""

    family: str
    kind: str
    better: str
    argument: str = "none"
    parts: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


BINARY, MULTICLASS, REGRESSION = "binary", "multiclass", "regression"
METRICS: dict[str, Metric] = {
    "rows":         Metric("check", "number", "higher"),
    "fresh":        Metric("check", "time", "lower"),
    "nulls":        Metric("check", "fraction", "lower", "column"),
    "unique":       Metric("check", "fraction", "higher", "column"),
    "mean":         Metric("check", "number", "higher", "column"),
    "min":          Metric("check", "number", "higher", "column"),
    "max":          Metric("check", "number", "lower", "column"),
    "log_loss":     Metric("quality", "number", "lower", "by", GROUP_PARTS, (BINARY, MULTICLASS)),
    "brier":        Metric("quality", "number", "lower", "by", GROUP_PARTS, (BINARY,)),
    "accuracy":     Metric("quality", "fraction", "higher", "by", GROUP_PARTS, (BINARY, MULTICLASS)),
    "error_rate":   Metric("quality", "fraction", "lower", "by", GROUP_PARTS, (BINARY, MULTICLASS)),
    "auc":          Metric("quality", "fraction", "higher", "by", GROUP_PARTS, (BINARY,)),
    "recall":       Metric("quality", "fraction", "higher", "by", GROUP_PARTS, (BINARY,)),
    "precision":    Metric("quality", "fraction", "higher", "by", GROUP_PARTS, (BINARY,)),
    "f1":           Metric("quality", "fraction", "higher", "by", GROUP_PARTS, (BINARY,)),
    "mae":          Metric("quality", "number", "lower", "by", GROUP_PARTS, (REGRESSION,)),
    "rmse":         Metric("quality", "number", "lower", "by", GROUP_PARTS, (REGRESSION,)),
    "errors":       Metric("service", "fraction", "lower"),
    "latency":      Metric("service", "time", "lower", "none", PERCENTILES),
    "memory":       Metric("service", "bytes", "lower"),
    "availability": Metric("service", "fraction", "higher"),
}  # fmt: skip
EXAMPLES = {"time": "20ms", "bytes": "500MB", "fraction": "2% or 0.02", "number": "0.8"}


@dataclass(frozen=True)
class Place:
    """Where an expression stands decides which metrics, references, windows and operators make sense there.

    `equals`: an interval lies on a side of a bound or on neither, so only checks, which see the whole snapshot, ask for `==`.
    """

    name: str
    metrics: tuple[str, ...]
    references: tuple[str, ...] = ()
    over: bool = False
    equals: bool = False


QUALITY = tuple(name for name, metric in METRICS.items() if metric.family == "quality")
CHECK = Place("a check", tuple(name for name, metric in METRICS.items() if metric.family == "check"), equals=True)
GATE = Place("a gate", (*QUALITY, "latency", "memory"), ("champion",))
GUARD = Place("a guard", (*QUALITY, "errors", "latency"), ("champion",))
QUALITY_MONITOR = Place("a quality monitor", QUALITY, REFERENCES, over=True)
SERVICE_MONITOR = Place("a service monitor", ("availability", "errors", "latency", "memory"))


@dataclass(frozen=True)
class Bound:
    """What a metric is compared with: a quantity, or a reference that an operation moves by a number."""

    quantity: Quantity | None = None
    reference: str | None = None
    operation: str | None = None
    number: float | None = None

    def value(self, reference: float | None = None) -> float:
        """The number to compare with, given the reference's own figure. Raises ValueError where that is missing."""
        if self.quantity is not None:
            return self.quantity.value
        if reference is None:
            raise ValueError(f"the figure of {self.reference} is needed")
        number = self.number or 0.0
        return {"+": reference + number, "-": reference - number, "*": reference * number}.get(self.operation or "", reference)

    @property
    def text(self) -> str:
        if self.quantity is not None:
            return self.quantity.text
        moved = f" {self.operation} {plain(self.number)}" if self.operation and self.number is not None else ""
        return f"{self.reference}{moved}"


@dataclass(frozen=True)
class Expression:
    """One promise about one metric. `argument`: a column; `by`: a group column; `over_ms`: a monitor's window."""

    metric: str
    argument: str | None
    by: str | None
    part: str | None
    operator: str
    bound: Bound
    over_ms: int | None = None

    @property
    def subject(self) -> str:
        """What is measured: `recall(by sex).gap`."""
        inside = self.argument or (f"by {self.by}" if self.by else "")
        return self.metric + (f"({inside})" if inside else "") + (f".{self.part}" if self.part else "")

    @property
    def key(self) -> str:
        """The identity in its list: metric, argument and part; then the reference; for a check, an unusual side.

        So `auc >= 0.8` and `auc >= champion - 0.005` are two promises, and so are the two ends of `mean(x)`.
        """
        reference = f" vs {self.bound.reference}" if self.bound.reference else ""
        usual = ">" if METRICS[self.metric].better == "higher" else "<"
        if self.family != "check" or self.operator[0] in (usual, "=", "!"):
            return self.subject + reference
        return self.subject + (" at most" if usual == ">" else " at least")

    @property
    def text(self) -> str:
        """The canonical spelling; `parse` reads it back to an equal expression."""
        if self.metric == "unique" and self.operator == "==" and self.bound == ALL:
            return self.subject
        over = f" over {written(self.over_ms)}" if self.over_ms is not None else ""
        return f"{self.subject} {self.operator} {self.bound.text}{over}"

    @property
    def family(self) -> str:
        """`check`, `quality` (needs labels) or `service`."""
        return METRICS[self.metric].family

    @property
    def relative(self) -> bool:
        """Compared with a champion, not with a number."""
        return self.bound.reference is not None

    def holds(self, figure: float, reference: float | None = None) -> bool:
        """Whether a plain figure keeps the promise. Intervals are the business of gates and monitors."""
        return OPERATORS[self.operator](figure, self.bound.value(reference))


ALL = Bound(Quantity(1.0))


def parse(text: str, place: Place | None = None) -> Expression:
    """The expression that a text states, in a place of `regie.yaml` or anywhere."""
    scan = Scanner(text)
    name = metric_name(scan, place)
    argument, by = argument_of(scan, name)
    part = part_of(scan, name, by)
    if name == "unique" and scan.at >= len(text):
        return Expression(name, argument, by, part, "==", ALL)
    operator = operator_of(scan, place)
    bound = bound_of(scan, METRICS[name], place)
    over_ms = window_of(scan, place)
    scan.end()
    return Expression(name, argument, by, part, operator, bound, over_ms)


def metric_name(scan: Scanner, place: Place | None) -> str:
    valid = place.metrics if place else tuple(METRICS)
    start = scan.at
    name = scan.name("a metric", nearest("", valid))
    if name in valid:
        return name
    if place and name in METRICS:
        raise Malformed(f"`{name}` has no meaning in {place.name}", start, nearest("", valid))
    raise Malformed(f"`{name}` is not a metric", start, nearest(name, valid))


def argument_of(scan: Scanner, name: str) -> tuple[str | None, str | None]:
    """The column, and the group column."""
    kind = METRICS[name].argument
    if kind == "column" and not scan.text.startswith("(", scan.at):
        raise scan.malformed(f"`{name}` needs a column", f"write {name}(COLUMN)")
    before = scan.at
    if scan.accept("(") is None:
        return None, None
    if kind == "none":
        raise Malformed(f"`{name}` takes no argument", before)
    inside, start = scan.until(")")
    word, _, group = inside.partition(" ")
    if kind == "by" and (word != "by" or not group.strip()):
        raise Malformed(f"`{name}` takes a group only", start, f"write {name}(by COLUMN)")
    if not inside:
        raise Malformed(f"`{name}` needs a column", start, f"write {name}(COLUMN)")
    return (None, group.strip()) if kind == "by" else (inside, None)


def part_of(scan: Scanner, name: str, by: str | None) -> str | None:
    """`.gap`, `.p95`: needed by percentiles and groups, refused elsewhere."""
    parts = METRICS[name].parts if METRICS[name].argument != "by" or by else ()
    before = scan.at
    if scan.accept("."):
        if not parts:
            hint = f"parts belong to groups: {name}(by COLUMN).gap" if METRICS[name].argument == "by" else ""
            raise Malformed(f"`{name}` has no part", before, hint)
        return scan.choice(f"a part of `{name}`", parts)
    if parts:
        raise scan.malformed(f"`{name}` needs a part", f"one of: {', '.join('.' + part for part in parts)}")
    return None


def operator_of(scan: Scanner, place: Place | None) -> str:
    start, equals = scan.at, place is None or place.equals
    operator = scan.accept(">=", "<=", "==", "!=", ">", "<")
    if operator is None:
        raise scan.malformed(f"expected a comparison, found {scan.seen()}", f"write >=, <=, > or <{', == or !=' * equals}")
    if place and operator in ("==", "!=") and not equals:
        raise Malformed(f"{place.name} cannot ask for `{operator}`", start, "write >=, <=, > or <")
    return operator


def bound_of(scan: Scanner, metric: Metric, place: Place | None) -> Bound:
    start = scan.at
    if not scan.text[start : start + 1].isalpha():
        quantity = scan.quantity()
        allowed = ("number", "fraction") if metric.kind in ("number", "fraction") else (metric.kind,)
        if quantity.kind not in allowed:
            raise Malformed(f"`{quantity.text}` is not a {metric.kind}", start, f"write for example {EXAMPLES[metric.kind]}")
        return Bound(quantity)
    reference = scan.choice("a number or a reference", REFERENCES)
    if metric.family != "quality":
        raise Malformed("only quality metrics are compared with a champion", start)
    if place and reference not in place.references:
        raise Malformed(f"`{reference}` has no meaning in {place.name}", start, nearest("", place.references))
    operation = scan.accept("+", "-", "*")
    if operation is None:
        return Bound(reference=reference)
    return Bound(reference=reference, operation=operation, number=scan.plain_number())


def window_of(scan: Scanner, place: Place | None) -> int | None:
    start = scan.at
    if scan.accept("over"):
        if place and not place.over:
            raise Malformed(f"{place.name} has no window", start, "leave `over ...` out")
        return scan.duration_ms()
    if place and place.over:
        raise scan.malformed(f"{place.name} needs a window", "add for example `over 7d`")
    return None

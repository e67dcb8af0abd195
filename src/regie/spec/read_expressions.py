"""Read a list of expressions: each in its place, fit for the model's task, none promised twice."""

from collections import Counter
from functools import partial
from typing import Any

from regie.spec import expressions
from regie.spec.expressions import Expression, Place
from regie.spec.reading import Node
from regie.spec.scanner import Malformed, nearest


def read_expressions(node: Node | None, place: Place, task: str | None = None) -> tuple[Expression, ...]:
    if node is None:
        return ()
    read = [(item, item.parse(partial(parse_for, place=place, task=task))) for item in node.items()]
    found = [(item, expression) for item, expression in read if expression]
    once(found)
    return tuple(expression for _, expression in found)


def parse_for(text: str, place: Place, task: str | None) -> Expression:
    expression = expressions.parse(text, place)
    tasks = expressions.METRICS[expression.metric].tasks
    if task and tasks and task not in tasks:
        fits = [name for name, metric in expressions.METRICS.items() if task in metric.tasks]
        raise Malformed(f"`{expression.metric}` does not fit a {task} task", 0, nearest("", fits))
    return expression


def once(found: list[tuple[Node, Any]]) -> None:
    """Items of a list are told apart by their key; so no two may have the same."""
    seen: Counter[str] = Counter()
    for item, promise in found:
        seen[promise.key] += 1
        if seen[promise.key] > 1:
            item.problem(f"`{promise.key}` is promised twice", "keep one of them")

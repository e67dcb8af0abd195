"""Every kind of job of the product, literally, and what works on it."""

from collections.abc import Callable, Mapping

from regie.loop import qualify, train
from regie.loop.work import Work

JOBS: Mapping[str, Callable[[Work], None]] = {
    "train": train.work,
    "qualify": qualify.work,
}

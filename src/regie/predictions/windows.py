"""A promise about the newest windows of event time, n of m of which may break it. Pure."""

from collections.abc import Sequence

from regie.base.errors import BadInput


def broken_of(broken: Sequence[bool], needed: int, of: int) -> bool:
    """Whether at least `needed` of the newest `of` windows broke a promise. The newest stands last."""
    if not 0 < needed <= of:
        raise BadInput(f"{needed} of {of} windows is not a rule")
    return sum(broken[-of:]) >= needed

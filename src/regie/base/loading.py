"""A start without the collector.

What imports make stays for as long as the process lives. Python's collector does not know that: it looks through all of it again and
again while it grows, which is a seventh to a third of a server's start, as the machine is.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading(stays: bool = True) -> Iterator[None]:
    """Import inside; what is there at the end is never looked through again, unless it may go as a model does (`stays=False`)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if stays:
            gc.freeze()
        if was:
            gc.enable()

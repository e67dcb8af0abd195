"""Errors that help: a stable code, what was wrong, where, and what to do next.

Each class maps to one HTTP status and one exit code; the API, the wire and the command line only translate. Every code stands in
`docs/reference/errors.md`; a test says so.
"""

from typing import Any, ClassVar


class RegieError(Exception):
    """Something that a person can understand and act on."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.do = what, where, do

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  -> {self.do}" if self.do else text

    def body(self) -> dict[str, Any]:
        """As the API answers it."""
        return {"code": self.code, "what": self.what, "where": self.where, "do": self.do}


class BadInput(RegieError):
    """A value that cannot be used: of the wrong type, out of range, malformed."""

    code, status, exit_code = "input.invalid", 422, 2


class NotFound(RegieError):
    """The thing that was named does not exist."""

    code, status, exit_code = "not_found", 404, 5


class NotAllowed(RegieError):
    """The access policy refused the action; the refusal is audited."""

    code, status, exit_code = "not_allowed", 403, 4


class Conflict(RegieError):
    """The thing is in a state in which this cannot be done."""

    code, status, exit_code = "conflict", 409, 1


class NotThereYet(RegieError):
    """The grammar reserves it, the product does not have it yet."""

    code, status, exit_code = "not_there_yet", 501, 2


class Unreachable(RegieError):
    """No server answers at the address."""

    code, status, exit_code = "unreachable", 503, 6


class StorageFull(RegieError):
    """The disk is full; nothing was stored half."""

    code, status, exit_code = "storage.full", 507, 1


class MissingExtra(RegieError):
    """An optional library is not installed."""

    code, status, exit_code = "missing_extra", 501, 1

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed", do=f"pip install 'regie[{extra}]'")

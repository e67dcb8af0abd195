"""What a snapshot is. Times are business milliseconds."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Broken:
    """One rule of a contract and the rows that break it. `examples`: up to five, as (row number from 0, value)."""

    rule: str
    column: str
    rows: int
    examples: tuple[tuple[int, Any], ...] = ()
    seen: str = ""

    def to_json(self) -> dict[str, Any]:
        shown = [[at, value] for at, value in self.examples]
        return {"rule": self.rule, "column": self.column, "rows": self.rows, "examples": shown, "seen": self.seen}

    @property
    def text(self) -> str:
        found = self.seen or ", ".join(f"row {at}: {value!r}" for at, value in self.examples[:3])
        return f"{self.rule}: {self.rows} rows ({found})" if self.rows else f"{self.rule}: {found}"


@dataclass(frozen=True)
class Checked:
    """One check of a dataset, and the figure that was seen, as a person reads it."""

    check: str
    kept: bool
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"check": self.check, "kept": self.kept, "text": self.text}


@dataclass(frozen=True)
class ContractReport:
    """Every rule that was broken, with counts. Empty: the contract is kept. `checked`: the checks that could be computed."""

    rows: int
    broken: tuple[Broken, ...] = ()
    checked: tuple[Checked, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.broken

    def to_json(self) -> dict[str, Any]:
        broken, checked = [one.to_json() for one in self.broken], [one.to_json() for one in self.checked]
        return {"rows": self.rows, "broken": broken, "checked": checked}


@dataclass(frozen=True)
class Snapshot:
    """One immutable version of a dataset: the content of `digest`, as of a business time."""

    id: str
    workspace: str
    dataset: str
    digest: str
    rows: int
    as_of_ms: int
    from_ms: int | None
    to_ms: int | None
    state: str = "ok"
    contract: dict[str, Any] = field(default_factory=dict)
    created_ms: int = 0
    columns: list[dict[str, Any]] = field(default_factory=list)

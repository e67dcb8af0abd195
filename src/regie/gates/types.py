"""What a gate says. Figures are in the metric's own unit: fractions, milliseconds, bytes."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["passed", "failed", "not_enough_evidence", "not_applicable"]


@dataclass(frozen=True)
class GateResult:
    """The verdict on one gate, with the figures behind it.

    `value`, `low`, `high`, `bound` and `champion_value` lie on one scale, so that the verdict can be read off them: `log_loss
    <= champion + 0.01` has passed if `high <= bound`. For a gate relative to the champion, `bound` is the champion's figure
    moved as the gate says, and `low..high` is the interval of the *paired difference*, placed around the challenger's figure;
    `detail` holds the difference itself, signed so that higher is better, as `difference`, `difference_low`, `difference_high`
    and `d`: passed where `difference_low >= d`.
    """

    gate: str
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    champion_value: float | None = None
    rows: int = 0
    blocks: int = 0
    detail: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """As it is stored and sent: JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Overall:
    """What all gates together say of a challenger, and by which rule; `inconclusive` is judged again."""

    verdict: Literal["passed", "failed", "inconclusive", "dropped"]
    because: str

"""What the demo claims, and what it saw: a claim that does not hold ends the story with exit code 1."""

from dataclasses import dataclass, field
from typing import Any

from regie.base.errors import RegieError


class ClaimBroken(RegieError):
    """The running system did something else than the story says."""

    code, status, exit_code = "demo.claim_broken", 500, 1


@dataclass(frozen=True)
class Claim:
    """One sentence about the system, what it lets one expect, and what was observed."""

    act: int
    says: str
    expected: str
    seen: str
    holds: bool


@dataclass
class Claims:
    """All claims in the order in which they were checked."""

    act: int = 0
    checked: list[Claim] = field(default_factory=list)

    def expect(self, says: str, holds: bool, expected: Any, seen: Any) -> None:
        """Note the claim. Raises ClaimBroken where it does not hold."""
        claim = Claim(self.act, says, str(expected), str(seen), bool(holds))
        self.checked.append(claim)
        if not claim.holds:
            raise ClaimBroken(
                f"a claim does not hold: {says}. Expected: {expected}; seen: {seen}",
                f"act {self.act}" if self.act else "demo",
                "look at the home's logs; it is left as it is",
            )

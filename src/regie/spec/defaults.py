"""What is promised where `regie.yaml` says nothing. Written into the canonical JSON, so that a plan shows it.

`risk: minimal` releases at once and guards errors only; `limited` (the default) asks that a retrained model is not worse, and
releases by stages; `high` asks for an approval besides. What the file states replaces its default whole.
"""

from regie.base.clock import DAY_MS, WEEK_MS
from regie.spec.document import ApproveSpec
from regie.spec.expressions import GATE, GUARD, Expression, parse
from regie.spec.phrases import Breach, Repeat, Stage, Window, parse_stage

RISK = "limited"
HOLDOUT_MS = WEEK_MS  # seven daily blocks, the fewest that an interval is computed from
WINDOWS = (Window(),)
THRESHOLD = 0.5
DRIFT_OVER_MS = DAY_MS
DRIFT_BREACH = Breach(3, 5)
# One retraining is one reaction; an event may repeat daily, an old champion stays old until the next release.
EVENT_AT_MOST = Repeat(1, "day")
AGE_AT_MOST = Repeat(1, "week")
ENVIRONMENT = "prod"
# At an error guard of 1 %, a hundred requests are the fewest in which one error is not already a breach.
MIN_REQUESTS = 100
# The week in which a person is asked has two days off.
APPROVE_WITHIN_MS = 5 * DAY_MS

# "Not worse": the margins are those of the design's example (0.005 of AUC) carried over to a loss, and one percent of an error.
NOT_WORSE = {
    "binary": "log_loss <= champion + 0.005",
    "multiclass": "log_loss <= champion + 0.005",
    "regression": "rmse <= champion * 1.01",
}
BY_STAGES = ("shadow 1d", "canary 5% for 2d", "full", "watch 30d")
STAGES = {"minimal": ("full",), "limited": BY_STAGES, "high": BY_STAGES}
GUARDS = {"minimal": ("errors > 1%",), "limited": ("errors > 1%",), "high": ("errors > 1%",)}


def gates(risk: str, task: str) -> tuple[Expression, ...]:
    return (parse(NOT_WORSE[task], GATE),) if risk != "minimal" and task in NOT_WORSE else ()


def approve(risk: str) -> ApproveSpec | None:
    return ApproveSpec("validator", APPROVE_WITHIN_MS) if risk == "high" else None


def rollout(risk: str) -> tuple[Stage, ...]:
    return tuple(parse_stage(text) for text in STAGES.get(risk, ()))


def abort_if(risk: str) -> tuple[Expression, ...]:
    return tuple(parse(text, GUARD) for text in GUARDS.get(risk, ()))

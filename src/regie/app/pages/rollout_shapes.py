"""What the page of a rollout is made of. Times are business milliseconds of the workspace's clock."""

from typing import Literal

from regie.app.pages.acts import Act, Shown, Value
from regie.app.pages.traffic import TrafficShown

Safe = Literal["yes", "no", "unknown", "over"]
Place = Literal["done", "now", "ahead", "never"]


class RolloutVerdict(Shown):
    """The rule that decides now, or that ended it. `values` go into its sentence. `next`: the stage after this one.

    `earliest_ms`: when it goes on at the earliest, None where nobody can know; `latest_ms`: when the stage's patience ends.
    """

    because: str
    safe: Safe
    values: dict[str, Value]
    next: str
    earliest_ms: int | None
    latest_ms: int | None


class StageShown(Shown):
    """One stage. `never`: the rollout ended before it. `requests`: of the version in it, None where they are not counted (yet)."""

    number: int
    kind: str
    place: Place
    share: float | None
    for_ms: int
    max_ms: int
    min_requests: int
    requests: int | None
    entered_ms: int | None
    left_ms: int | None
    because: str


class GuardShown(Shown):
    """One guard as an interval against its bound. `missing`: requests to the first possible verdict."""

    guard: str
    kind: str
    operator: str
    bound: float
    relative: bool
    state: Literal["kept", "broken", "undecided", "not_enough", "not_asked"]
    value: float | None
    low: float | None
    high: float | None
    windows: list[float]
    breaks: list[bool]
    requests: int
    missing: int
    unsaid: str
    coverage: float | None
    days: int | None


class GuardWindows(Shown):
    """How guards on errors and latency count: broken when `needed` of the newest `of` windows of so many requests break them."""

    needed: int
    of: int
    requests: int


class WatchShown(Shown):
    """The new champion beside the former one: the difference of the gate's metric, above zero is better, and how much worse is allowed."""

    metric: str
    verdict: Literal["", "not_worse", "worse"]
    unsaid: str
    value: float | None
    low: float | None
    high: float | None
    margin: float | None
    rows: int
    days: int


class AgreementShown(Shown):
    """In one stage: of `rows` that both answered (of `answered` by the live one) `same` have the same answer; None of a regression.

    `edges`, `counts`: histogram of the new version's answer less the incumbent's. `whole`: of all rows of the stage, or the newest.
    """

    stage: str
    rows: int
    answered: int
    same: int | None
    edges: list[float]
    counts: list[int]
    p5: float | None
    p50: float | None
    p95: float | None
    whole: bool


class DamageShown(Shown):
    """What the version cost since its rollout began."""

    requests: int
    failed: int
    fallbacks: int
    added_p50_ms: float | None
    added_p95_ms: float | None
    restarts: int
    last_error: str


class RolloutTold(Shown):
    """One event of it. `by`, `reason`: of a person's deed."""

    id: str
    type: str
    time_ms: int
    wall_ms: int
    because: str
    stage: str
    by: str
    reason: str


class RolloutPage(Shown):
    """Everything that the page shows. `unread`: why the log was not looked at, empty where it was; `until_ms`: as of when it is."""

    id: str
    workspace: str
    clock: str
    now_ms: int
    until_ms: int
    endpoint: str
    environment: str
    model: str
    version: int
    incumbent: int | None
    state: str
    paused: bool
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    verdict: RolloutVerdict
    stages: list[StageShown]
    unread: str
    traffic: TrafficShown | None
    windows: GuardWindows | None
    guards: list[GuardShown]
    watch: WatchShown | None
    agreement: list[AgreementShown]
    damage: DamageShown | None
    events: list[RolloutTold]
    acts: list[Act]

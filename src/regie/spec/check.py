"""When each gate, guard and monitor can have an answer at the earliest; and what can never have one.

Pure but for `project`, which looks at the files of the project and imports none of them. Times are milliseconds of business
time. Problems refuse an apply; warnings do not.
"""

from dataclasses import dataclass
from typing import Any

from regie.base.clock import DAY_MS, WEEK_MS
from regie.spec import project
from regie.spec.document import DatasetSpec, ServeSpec, Spec
from regie.spec.expressions import Expression
from regie.spec.load import Loaded
from regie.spec.phrases import Stage
from regie.spec.problems import Locator, Path, Problem, refuse
from regie.spec.scanner import nearest, written

# A paired comparison takes blocks of days, and no interval is computed from fewer than seven of them.
BLOCKS = 7


@dataclass(frozen=True)
class Answer:
    """`kind`: gate, guard, monitor or watch. It can answer `earliest_ms` after `after`; None: never."""

    kind: str
    promise: str
    after: str
    earliest_ms: int | None
    why: str

    @property
    def text(self) -> str:
        name = self.promise if self.promise.startswith(self.kind) else f"{self.kind} {self.promise}"
        if self.earliest_ms is None:
            return f"{name}: never after {self.after}; {self.why}"
        return f"{name}: {written(self.earliest_ms) if self.earliest_ms else 'right'} after {self.after}; {self.why}"

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Checked:
    answers: tuple[Answer, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    def refuse(self) -> None:
        """Raise SpecError or SpecNotThereYet if there is a problem."""
        refuse(self.problems)

    def to_json(self) -> dict[str, Any]:
        return {
            "answers": [answer.to_json() for answer in self.answers],
            "problems": [problem.to_json() for problem in self.problems],
            "warnings": [warning.to_json() for warning in self.warnings],
        }


def check(loaded: Loaded) -> Checked:
    """Everything that can be said of a project without running it."""
    found = promises(loaded.spec, loaded.positions)
    files = project.problems(loaded.spec, loaded.root, loaded.positions)
    return Checked(found.answers, found.problems + files, found.warnings)


def promises(spec: Spec, places: Locator) -> Checked:
    """What follows from the promises alone."""
    found = Findings(spec, places)
    found.gates()
    found.guards()
    found.watch()
    found.monitors()
    found.reactions()
    found.columns()
    found.environments()
    return Checked(tuple(found.answers), tuple(found.problems), tuple(found.warnings))


class Findings:
    """What was found so far, and the few figures that all of it is computed from."""

    def __init__(self, spec: Spec, places: Locator) -> None:
        self.spec, self.places = spec, places
        self.answers: list[Answer] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        label = spec.labelled.label if spec.labelled else None
        self.known_after_ms = label.known_after_ms if label else None

    def problem(self, path: Path, what: str, do: str = "", offset: int = 0) -> None:
        self.problems.append(Problem(self.places.where(path, offset), what, do))

    def warn(self, path: Path, what: str, do: str = "") -> None:
        self.warnings.append(Problem(self.places.where(path), what, do))

    def environments(self) -> None:
        served = self.spec.production or next(iter(self.spec.environments), "")
        for name in self.spec.environments:
            if name != served:
                what = f"nothing runs in `{name}`: promotion along environments is not there yet, only `{served}` is served"
                self.warn(("environments", name), what)

    def gates(self) -> None:
        dataset, model = self.spec.labelled, self.spec.model
        if not model or not dataset or not dataset.label or not dataset.holdout_ms:
            return
        quality = [gate for gate in model.gates if gate.family == "quality"]
        if quality and dataset.holdout_ms < BLOCKS * DAY_MS:
            self.problem(
                ("data", dataset.name, "holdout"),
                f"a holdout of {written(dataset.holdout_ms)} cannot answer `{quality[0].text}`: "
                f"blocks are days, and at least {BLOCKS} are needed",
                f"write `holdout: last {BLOCKS}d` or more",
            )
        waits = f"on rows that are {written(dataset.label.known_after_ms)} to "
        waits += f"{written(dataset.label.known_after_ms + dataset.holdout_ms)} old; no evidence means again with the next rows"
        for index, gate in enumerate(model.gates):
            self.group(("model", "gates", index), gate, dataset)
            why = waits if gate.family == "quality" else "measured on the machine that judges"
            self.answers.append(Answer("gate", gate.text, "training", 0, why))

    def group(self, path: Path, expression: Expression, dataset: DatasetSpec, logged: bool = False) -> None:
        """`by` needs a promised column whose groups may be looked at. `logged`: all that is seen is the prediction log."""
        evaluation, features = dataset.columns_for("evaluation"), dataset.columns_for("feature")
        usable = features if logged else (*evaluation, *features)
        if expression.by is None or expression.by in usable:
            return
        what = f"`{expression.by}` is not a column of `{dataset.name}` with use " + "evaluation or " * (not logged) + "feature"
        do = nearest(expression.by, usable) or f"add `{expression.by}: {{type: ..., use: evaluation}}` to its columns"
        early = logged and expression.by in evaluation
        if early:
            what, do = "groups of evaluation columns in production are not there yet", "promise it as a gate"
        where = self.places.where(path, expression.text.index("by ") + 3)
        self.problems.append(Problem(where, what, do, reserved=early))

    def guards(self) -> None:
        serve = self.spec.serve
        if serve is None:
            return
        for index, guard in enumerate(serve.abort_if):
            path: Path = ("serve", "abort_if", index)
            if self.spec.labelled:
                self.group(path, guard, self.spec.labelled, logged=True)
            if guard.family == "quality":
                self.quality_guard(path, guard, serve)
            else:
                why = f"looked at all along, once there are {serve.min_requests} requests"
                self.answers.append(Answer("guard", guard.text, "the start of the rollout", 0, why))

    def quality_guard(self, path: Path, guard: Expression, serve: ServeSpec) -> None:
        """Compares pairs, so it needs a stage in which both versions answer, and labels that are mature before it ends."""
        known_after_ms = self.known_after_ms or 0
        paired = [stage for stage in serve.rollout if stage.kind in ("shadow", "canary")]
        needed_ms = known_after_ms + BLOCKS * DAY_MS
        for stage in paired:
            earliest_ms = needed_ms if needed_ms <= stage.for_ms else None
            why = f"{BLOCKS} days of labels known after {written(known_after_ms)}"
            self.answers.append(Answer("guard", guard.text, f"the start of {stage.text}", earliest_ms, why))
        if not any(needed_ms <= stage.for_ms for stage in paired):
            longest = max(paired, key=lambda stage: stage.for_ms, default=None)
            within = f"within `{longest.text}`" if longest else "without a shadow or canary stage"
            self.problem(
                path,
                f"`{guard.text}` can have no answer {within}: it takes {BLOCKS} days of labels known after {written(known_after_ms)}",
                f"let a stage last {written(needed_ms)} or longer, or leave this guard to `watch`",
            )

    def watch(self) -> None:
        serve = self.spec.serve
        for index, stage in enumerate(serve.rollout if serve else ()):
            if stage.kind == "watch" and self.known_after_ms is not None:
                self.one_watch(("serve", "rollout", index), stage, WEEK_MS + self.known_after_ms)

    def one_watch(self, path: Path, stage: Stage, needed_ms: int) -> None:
        enough = stage.for_ms >= needed_ms
        why = f"{BLOCKS} days of mature labels under both versions"
        self.answers.append(Answer("watch", stage.text, "full", needed_ms if enough else None, why))
        if not enough:
            self.warn(
                path,
                f"`{stage.text}` will end on time, never on evidence: that takes {written(needed_ms)}",
                f"write `watch {written(needed_ms)}` or more",
            )

    def monitors(self) -> None:
        monitor = self.spec.monitor
        for index, one in enumerate(monitor.quality):
            path: Path = ("monitor", "quality", index)
            if self.known_after_ms is None:
                self.problem(path, f"`{one.text}` needs a dataset with a `label`", "add a `label`")
                continue
            if self.spec.labelled:
                self.group(path, one, self.spec.labelled, logged=True)
            gates = self.spec.model.gates if self.spec.model else ()
            if one.relative and one.subject not in {gate.subject for gate in gates}:
                what = f"`{one.text}` has nothing to compare with: no gate measures {one.subject} at the release"
                self.problem(path, what, f"add a gate, for example `{one.subject} {one.operator} champion`")
            over_ms = one.over_ms or 0
            why = f"a window of {written(over_ms)} and labels known after {written(self.known_after_ms)}"
            self.answers.append(Answer("monitor", one.text, "full", over_ms + self.known_after_ms, why))
        for drift in monitor.drift:
            why = f"a breach takes {drift.breach.text} windows of {written(drift.over_ms)}"
            self.answers.append(Answer("monitor", drift.key, "full", drift.breach.broken * drift.over_ms, why))
        if (monitor.quality or monitor.drift) and not self.spec.serve:
            self.problem(("monitor",), "nothing answers, so there is nothing to watch", "add `serve`")

    def reactions(self) -> None:
        watched = {"quality.breached": self.spec.monitor.quality, "drift.detected": self.spec.monitor.drift}
        for index, reaction in enumerate(self.spec.react):
            path: Path = ("react", index, "when")
            if reaction.event in watched and not watched[reaction.event]:
                noun = reaction.event.split(".")[0]
                self.problem(path, f"`{reaction.event}` never happens: no {noun} is watched", f"add `monitor: {noun}`")
            elif not reaction.schedule and not self.spec.serve:
                self.problem(path, f"`{reaction.trigger}` never happens: nothing is served", "add `serve`")

    def columns(self) -> None:
        """Names of columns, where the dataset says which it has."""
        for name, dataset in self.spec.data.items():
            known = {*dataset.columns, *dataset.key, *filter(None, (dataset.time,))}
            for index, one in enumerate(dataset.checks if dataset.columns else ()):
                if one.argument and one.argument not in known:
                    what = f"`{one.argument}` is not a column of `{name}`"
                    offset = one.text.index("(") + 1
                    self.problem(("data", name, "checks", index), what, nearest(one.argument, known), offset)
            for index, one in enumerate(dataset.checks):
                if one.metric == "fresh" and not dataset.time:
                    self.problem(("data", name, "checks", index), "`fresh` needs the dataset's `time`", "add `time: COLUMN`")
        self.label_type()
        self.drift_features()

    def label_type(self) -> None:
        dataset, model = self.spec.labelled, self.spec.model
        column = dataset.columns.get(dataset.label.column) if dataset and dataset.label else None
        if not column or not dataset or not model:
            return
        fits = {"binary": ("bool", "int", "cat", "str"), "regression": ("int", "float")}.get(
            model.task.kind, ("int", "cat", "str")
        )
        path: Path = ("data", dataset.name, "columns", column.name)
        if column.type.type not in fits:
            self.problem(path, f"a {column.type.type} is no label of a {model.task.kind} task", f"one of: {', '.join(fits)}")
        if column.type.values and model.task.kind == "binary" and model.task.positive not in column.type.values:
            what = f"`positive` is none of the label's values: {', '.join(column.type.values)}"
            self.problem(("model", "task"), what, "add `positive: VALUE`")

    def drift_features(self) -> None:
        dataset = self.spec.labelled
        features = dataset.columns_for("feature") if dataset else ()
        for index, drift in enumerate(self.spec.monitor.drift):
            for place, feature in enumerate(drift.features if features else ()):
                if feature not in features:
                    path: Path = ("monitor", "drift", index, "features", place)
                    self.problem(path, f"`{feature}` is not a feature", nearest(feature, features))

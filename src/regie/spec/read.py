"""From plain JSON (of a file or of a request's body) to a Spec: the closed grammar, the defaults, what must agree within it.

`read` collects problems and never raises for the document's sake; `from_json` raises them all at once, as SpecError or
SpecNotThereYet.
"""

from typing import Any

from regie.spec import defaults, expressions
from regie.spec.document import ApproveSpec, ModelSpec, MonitorSpec, Owner, PipelineSpec, Spec, TaskSpec
from regie.spec.phrases import parse_duration, parse_window
from regie.spec.problems import refuse
from regie.spec.read_data import one_label, read_dataset
from regie.spec.read_expressions import read_expressions
from regie.spec.read_release import read_environments, read_monitor, read_reactions, read_serve
from regie.spec.reading import Node, Nodes, Problems, spelled
from regie.spec.scanner import Malformed, nearest
from regie.spec.schema import APPROVERS, RISKS, TASKS


def from_json(document: dict[str, Any]) -> Spec:
    """The Spec of its canonical JSON. Raises SpecError or SpecNotThereYet with every problem."""
    problems = Problems()
    spec = read(document, problems)
    refuse(tuple(problems.found))
    return spec


def read(document: Any, problems: Problems) -> Spec:
    """The Spec; worth nothing unless `problems.found` stays empty."""
    root = Node(document, (), problems)
    if not isinstance(document, dict):
        root.problem("the document must be a mapping", "start with `regie: 1` and `workspace: NAME`")
        return Spec("")
    top = root.record("spec")
    if "regie" in top and (top["regie"].value != 1 or isinstance(top["regie"].value, bool)):
        top["regie"].problem(f"version {top['regie'].value} of the grammar is not known", "write `regie: 1`")
    risk = read_risk(top)
    data = {name: read_dataset(name, node) for name, node in top["data"].named()} if "data" in top else {}
    pipelines = {name: read_pipeline(name, one) for name, one in top["pipelines"].named()} if "pipelines" in top else {}
    one_label(top, data)
    model = read_model(top["model"], risk) if "model" in top else None
    return Spec(
        workspace=(top["workspace"].identifier() if "workspace" in top else None) or "",
        owner=read_owner(top),
        risk=risk,
        data=data,
        pipelines=pipelines,
        model=model,
        serve=read_serve(top["serve"], risk, model) if "serve" in top else None,
        monitor=read_monitor(top["monitor"], model) if "monitor" in top else MonitorSpec(),
        react=read_reactions(top["react"], pipelines) if "react" in top else (),
        environments=read_environments(top),
    )


def read_risk(top: Nodes) -> str:
    return (top["risk"].choice(RISKS) if "risk" in top else None) or defaults.RISK


def read_owner(top: Nodes) -> Owner:
    given = top["owner"].record("owner") if "owner" in top else {}
    return Owner(**{name: node.text() for name, node in given.items()})


def read_pipeline(name: str, node: Node) -> PipelineSpec:
    given = node.record("pipeline")
    run = (given["run"].parse(parse_run) if "run" in given else None) or ("", "")
    windows = [one.parse(parse_window) for one in given["windows"].items(single=True)] if "windows" in given else []
    kept = tuple(window for window in windows if window)
    if len(set(kept)) < len(kept):
        given["windows"].problem("a window is there twice", "keep one of them")
    return PipelineSpec(name, *run, windows=kept or defaults.WINDOWS)


def parse_run(text: str) -> tuple[str, str]:
    module, colon, function = text.partition(":")
    if not colon or not function.isidentifier():
        raise Malformed(f"`{text}` names no function", len(module), "write MODULE:FUNCTION, for example `flow:train`")
    if not all(part.isidentifier() for part in module.split(".")):
        raise Malformed(f"`{module}` is not a module", 0, "write MODULE:FUNCTION, for example `flow:train`")
    return module, function


def read_model(node: Node, risk: str) -> ModelSpec:
    given = node.record("model")
    task = (read_task(given["task"]) if "task" in given else None) or TaskSpec("")
    gates = given.get("gates")
    stated = read_expressions(gates, expressions.GATE, task.kind)
    name = given["name"].identifier() if "name" in given else None
    # An empty `approve:` is no way to say that nobody is asked.
    stated_empty = isinstance(node.value, dict) and "approve" in node.value and "approve" not in given
    asked = node.child("approve", None) if stated_empty else given.get("approve")
    approve = read_approve(asked) if asked else defaults.approve(risk)
    return ModelSpec(name or "", task, stated if gates else defaults.gates(risk, task.kind), approve)


def read_approve(node: Node) -> ApproveSpec | None:
    given = node.record("approve")
    by = given["by"].text() if "by" in given else None
    if by and by not in APPROVERS:
        given["by"].problem(f"`{by}` is no role that grants approvals", nearest(by, APPROVERS))
    if "not" in given and given["not"].value != "author":
        given["not"].problem(f"`not` must be `author`, not {spelled(given['not'].value)}", "no approval is by an author")
    within_ms = given["within"].parse(parse_duration) if "within" in given else defaults.APPROVE_WITHIN_MS
    return ApproveSpec(by, within_ms) if by and within_ms else None


def read_task(node: Node) -> TaskSpec | None:
    if isinstance(node.value, str):
        given: Nodes = {"kind": node}
    else:
        given = node.record("task")
    kind = given["kind"].choice(TASKS) if "kind" in given else None
    if kind != "binary":
        for name in ("positive", "threshold"):
            if kind and name in given:
                given[name].problem(f"only a binary task has `{name}`", key=True)
        return TaskSpec(kind) if kind else None
    positive = given["positive"].value if "positive" in given else True
    if not isinstance(positive, bool | int | str):
        given["positive"].problem("`positive` must be true, false, a whole number or text")
    threshold = given["threshold"].number(0, 1) if "threshold" in given else None
    return TaskSpec(kind, positive, threshold or defaults.THRESHOLD)

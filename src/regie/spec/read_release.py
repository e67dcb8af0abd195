"""Read what happens to a version: `serve`, `monitor`, `react`, `environments`."""

from itertools import pairwise

from regie.spec import defaults, expressions
from regie.spec.document import DriftSpec, EnvironmentSpec, ModelSpec, MonitorSpec, PipelineSpec, Reaction, ServeSpec
from regie.spec.phrases import (
    Stage,
    parse_age,
    parse_breach,
    parse_duration,
    parse_repeat,
    parse_schedule,
    parse_stage,
    parse_top,
)
from regie.spec.read_expressions import once, read_expressions
from regie.spec.reading import Node, Nodes
from regie.spec.scanner import Malformed, nearest
from regie.spec.schema import REACTION_EVENTS


def read_serve(node: Node, risk: str, model: ModelSpec | None) -> ServeSpec | None:
    if node.value == "external":
        node.not_there_yet("`external`: predictions that are made elsewhere", "serve an endpoint")
        return None
    given = node.record("serve")
    if model is None:
        node.problem("an endpoint needs a `model`", "add `model`", key=True)
    endpoint = given["endpoint"].identifier() if "endpoint" in given else model.name if model else None
    guards = given.get("abort_if")
    stated = read_expressions(guards, expressions.GUARD, model.task.kind if model else None)
    return ServeSpec(
        endpoint=endpoint or "",
        rollout=read_rollout(given["rollout"]) if "rollout" in given else defaults.rollout(risk),
        abort_if=stated if guards else defaults.abort_if(risk),
        min_requests=read_min_requests(given),
    )


def read_min_requests(given: Nodes) -> int:
    number = given["min_requests"].number(0, 10**9) if "min_requests" in given else defaults.MIN_REQUESTS
    if isinstance(number, float):
        given["min_requests"].problem("`min_requests` must be a whole number")
    return int(number or defaults.MIN_REQUESTS)


ORDER = ("shadow", "canary", "full", "watch")


def read_rollout(node: Node) -> tuple[Stage, ...]:
    """Shadows, canaries of growing shares, `full`, `watch`: in this order, `full` exactly once, `watch` at most once."""
    read = [(item, item.parse(parse_stage)) for item in node.items()]
    stages = [(item, stage) for item, stage in read if stage]
    for (_, before), (item, stage) in pairwise(stages):
        if ORDER.index(stage.kind) < ORDER.index(before.kind):
            item.problem(f"`{stage.text}` cannot come after `{before.text}`", f"the order is {', '.join(ORDER)}")
        elif stage.kind == before.kind and stage.kind in ("full", "watch"):
            item.problem(f"`{stage.kind}` is there twice", "keep one of them")
        elif stage.share is not None and before.share is not None and stage.share <= before.share:
            item.problem(f"`{stage.text}` does not give more than `{before.text}`", "let the share grow")
    if len(stages) == len(read) and not any(stage.kind == "full" for _, stage in stages):
        node.problem("a rollout needs `full`", "add `- full`: it is what promotes the version", key=True)
    return tuple(stage for _, stage in stages)


def read_monitor(node: Node, model: ModelSpec | None) -> MonitorSpec:
    given = node.record("monitor")
    read = [(item, read_drift(item)) for item in given["drift"].items()] if "drift" in given else []
    drift = [(item, monitor) for item, monitor in read if monitor]
    once(drift)
    task = model.task.kind if model else None
    quality = read_expressions(given.get("quality"), expressions.QUALITY_MONITOR, task)
    return MonitorSpec(tuple(monitor for _, monitor in drift), quality)


def read_drift(node: Node) -> DriftSpec | None:
    given = node.record("drift")
    if "features" not in given:
        return None
    features = given["features"]
    listed = isinstance(features.value, list)
    names = tuple(text for one in features.items() if (text := one.text())) if listed else ()
    top = None if listed else features.parse(parse_top)
    over_ms = given["over"].parse(parse_duration) if "over" in given else None
    breach = given["breach"].parse(parse_breach) if "breach" in given else None
    return DriftSpec(top, names, over_ms or defaults.DRIFT_OVER_MS, breach or defaults.DRIFT_BREACH)


def read_reactions(node: Node, pipelines: dict[str, PipelineSpec]) -> tuple[Reaction, ...]:
    read = [(item, read_reaction(item, pipelines)) for item in node.items()]
    reactions = [(item, reaction) for item, reaction in read if reaction]
    once(reactions)
    return tuple(reaction for _, reaction in reactions)


def read_reaction(node: Node, pipelines: dict[str, PipelineSpec]) -> Reaction | None:
    given = node.record("reaction")
    do = read_deeds(given["do"], pipelines) if "do" in given else ()
    at_most = given["at_most"].parse(parse_repeat) if "at_most" in given else None
    if ("when" in given) == ("every" in given):
        node.problem("a reaction needs exactly one of `when` and `every`", key=True)
        return None
    if "every" in given:
        if "at_most" in given:
            given["at_most"].problem("a schedule is its own limit", "leave `at_most` out", key=True)
        schedule = given["every"].parse(parse_schedule)
        return Reaction(None, None, schedule, do, None) if schedule else None
    start = given["when"].parse(parse_when)
    if isinstance(start, int):
        return Reaction(None, start, None, do, at_most or defaults.AGE_AT_MOST)
    return Reaction(start, None, None, do, at_most or defaults.EVENT_AT_MOST) if start else None


def parse_when(text: str) -> str | int:
    """An event's type, or the champion's age in milliseconds."""
    if text in REACTION_EVENTS:
        return text
    if text.split()[:1] == ["champion"]:
        return parse_age(text)
    word = text.split()[0]
    raise Malformed(f"`{text}` starts no reaction", 0, nearest(word, (*REACTION_EVENTS, "champion older than")))


def read_deeds(node: Node, pipelines: dict[str, PipelineSpec]) -> tuple[str, ...]:
    deeds = []
    if node.value == []:
        node.problem("a reaction must do something", "name a pipeline")
    for item in node.items(single=True):
        text = item.text()
        if text and text.split()[0] == "notify":
            item.not_there_yet("`notify`: sending messages")
        elif text and text not in pipelines:
            item.problem(f"`{text}` is not a pipeline", nearest(text, pipelines) or "add it to `pipelines`")
        elif text:
            deeds.append(text)
    return tuple(deeds)


def read_environments(top: Nodes) -> dict[str, EnvironmentSpec]:
    if "environments" not in top or top["environments"].value == {}:
        return {defaults.ENVIRONMENT: EnvironmentSpec(defaults.ENVIRONMENT, production=True)}
    found = {}
    for name, node in top["environments"].named():
        given = node.record("environment")
        found[name] = EnvironmentSpec(name, "production" in given and given["production"].flag())
    productions = [name for name, one in found.items() if one.production]
    for name in productions[1:]:
        top["environments"].child(name, None).problem(f"`{productions[0]}` is the production already", key=True)
    return found

"""The invariants of the way to the users: gates, champions, rollouts, routes, nodes. Each check yields in words what breaks it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from regie.app.invariant_look import Look, Told, repeated
from regie.gates.tables import evidence, qualifications
from regie.registry.tables import champions, model_versions
from regie.rollout.tables import rollouts, routes
from regie.store import tables as store


def gates_evidence(look: Look) -> Iterator[str]:
    """A version that passed the gates has the evidence of its last attempt, in which no gate failed."""
    found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in look.rows(evidence):
        found[row.workspace, row.model, row.version, row.attempt].append(row.verdict)
    for row in look.rows(qualifications):
        verdicts = found[row.workspace, row.model, row.version, row.attempts]
        if row.state == "passed" and set(verdicts) - {"passed", "not_applicable"}:
            yield f"{row.model}@{row.version} passed the gates with {', '.join(verdicts)}"


def champions_qualified(look: Look) -> Iterator[str]:
    """A champion is a version that is there, with a package, and passed the gates."""
    there = {(row.workspace, row.name, row.version): row.package for row in look.rows(model_versions)}
    state = {(row.workspace, row.model, row.version): row.state for row in look.rows(qualifications)}
    for row in look.rows(champions):
        version = (row.workspace, row.model, row.version)
        if not there.get(version) or state.get(version) != "passed":
            yield f"{row.model}@{row.version} is champion of {row.endpoint}: qualification {state.get(version)}"


def champions_released(look: Look) -> Iterator[str]:
    """A champion came by a rollout of its own that entered `full` at its endpoint."""
    entered = {one.subject for one in look.told("rollout.stage_entered") if one.data["stage"] == "full"}
    entered |= {row.id for row in look.rows(rollouts) if row.started_ms and json.loads(row.spec)["stages"][0]["kind"] == "full"}
    crowned = {
        (row.workspace, row.endpoint, row.environment, row.model, row.version) for row in look.rows(rollouts) if row.id in entered
    }
    for row in look.rows(champions):
        if (row.workspace, row.endpoint, row.environment, row.model, row.version) not in crowned:
            yield f"{row.model}@{row.version} is champion of {row.endpoint} without a rollout that entered full"


def champions_told(look: Look) -> Iterator[str]:
    """The champion is whom the last event of its endpoint crowned."""
    last: dict[tuple[str, Any, Any], str | None] = {}
    for one in look.told("champion.crowned", "champion.vacated"):
        place = (one.workspace, one.data["endpoint"], one.data["environment"])
        last[place] = one.subject if one.type == "champion.crowned" else None
    now = {(row.workspace, row.endpoint, row.environment): f"{row.model}@{row.version}" for row in look.rows(champions)}
    for place in now.keys() | last.keys():
        if now.get(place) != last.get(place):
            yield f"{now.get(place)} is champion of {place[1]}, the last event says {last.get(place)}"


def rollouts_one(look: Look) -> Iterator[str]:
    """One rollout runs at an endpoint, and one waits."""
    for state in ("running", "waiting"):
        found = ((row.workspace, row.endpoint, row.environment) for row in look.rows(rollouts) if row.state == state)
        for key in repeated(found):
            yield f"several rollouts of {key[1]} are {state}"


def rollouts_told(look: Look) -> Iterator[str]:
    """A rollout waited, started, entered each stage and ended once, as its events say; a version is not released twice at once."""
    told: dict[str, list[str]] = defaultdict(list)
    for one in look.events:
        if one.type.startswith("rollout."):
            told[one.subject].append(str(one.data["stage"]) if one.type == "rollout.stage_entered" else one.type[8:])
    for row in look.rows(rollouts):
        said = [one for one in told[row.id] if one not in ("paused", "resumed")]
        ended = [one for one in said if one in ("finished", "aborted", "superseded")]
        if repeated(said) or said[:1] != ["waiting"] or ended != ([] if row.state in ("waiting", "running") else [row.state]):
            yield f"rollout {row.id} is {row.state}; its events are {', '.join(said)}"
        if ended and said[-1] != row.state:
            yield f"rollout {row.id} ended as {row.state} and went on: {', '.join(said)}"


def routes_allowed(look: Look) -> Iterator[str]:
    """A wanted route leads to the champion, the former one, or the version and the incumbent of the running rollout."""
    allowed: dict[tuple[str, str, str], set[int | None]] = defaultdict(set)
    for row in look.rows(champions):
        allowed[row.workspace, row.endpoint, row.model] |= {row.version, row.former_version}
    live: dict[tuple[str, str, str], set[int | None]] = defaultdict(set)
    for row in look.rows(champions):
        live[row.workspace, row.endpoint, row.model].add(row.version)
    for row in look.rows(rollouts):
        if row.state == "running":
            allowed[row.workspace, row.endpoint, row.model] |= {row.version, row.incumbent}
            live[row.workspace, row.endpoint, row.model].add(row.version)
    there = {(row.workspace, row.name, row.version) for row in look.rows(model_versions)}
    for row in look.rows(routes):
        place = (row.workspace, row.endpoint, row.model)
        for variant in json.loads(row.variants):
            version, answers = variant["version"], variant["mode"] == "live"
            if version not in (live if answers else allowed)[place] or (row.workspace, row.model, version) not in there:
                yield f"the route of {row.endpoint} leads to version {version} ({variant['role']}, {variant['mode']})"


def routes_told(look: Look) -> Iterator[str]:
    """The generations of a route are numbered without a gap, and the wanted one is what the last event says."""
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in look.told("route.changed"):
        told[one.workspace, one.subject].append(one)
    for row in look.rows(routes):
        said = told[row.workspace, row.endpoint]
        if [one.data["generation"] for one in said] != list(range(1, row.generation + 1)):
            yield f"the route of {row.endpoint} has generation {row.generation}, its events tell {len(said)}"
        elif said and said[-1].data["variants"] != json.loads(row.variants):
            yield f"the route of {row.endpoint} is not what its last event says"


def nodes_behind(look: Look) -> Iterator[str]:
    """No node has acknowledged a generation that was never wanted."""
    wanted = {row.endpoint: 0 for row in look.rows(routes)}
    for row in look.rows(routes):
        wanted[row.endpoint] = max(wanted[row.endpoint], row.generation)
    for row in look.rows(store.nodes):
        for endpoint, generation in json.loads(row.generations).items():
            if generation > wanted.get(endpoint, 0):
                yield f"node {row.id} has taken up generation {generation} of {endpoint}, wanted is {wanted.get(endpoint)}"

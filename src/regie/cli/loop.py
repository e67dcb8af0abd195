"""`regie status` and `regie why`: where the loop stands, and what led there."""

from typing import TYPE_CHECKING, Any

import click

from regie.cli import options, show

if TYPE_CHECKING:
    from regie.client.http import Client


@click.command()
@options.read
def status(client: "Client", as_json: bool) -> None:
    """Show where the loop of a workspace stands, and why it is quiet."""
    found = client.status()
    if as_json:
        show.data(found)
        return
    show.facts([*_head(found), *_now(found)])


@click.command()
@click.argument("thing")
@options.read
def why(client: "Client", thing: str, as_json: bool) -> None:
    """Show what led to THING, its newest link first.

    THING is MODEL@champion, MODEL@3, a run, RUN/TASK, a rollout, an event, or the workspace: why the loop does what it does now.
    """
    found = client.why(thing)
    if as_json:
        show.data(found)
        return
    for line in found.get("lines", []):
        words = (show.when(line.get("time_ms")), line.get("type"), line.get("subject"), line.get("because"), line.get("detail"))
        indent = "    " if line.get("type") == "evidence" else ""
        show.text(indent + "  ".join(show.one(word) for word in words if word))
    _rest({name: value for name, value in found.items() if name not in ("thing", "lines")})


def _head(found: dict[str, Any]) -> list[tuple[str, Any]]:
    champion, route, rollout = found.get("champion"), found.get("route"), found.get("rollout")
    model = found.get("model") or found.get("endpoint") or ""
    waiting = [f"{one['model']}@{one['version']} {one['state']}" for one in found.get("qualifications") or []]
    return [
        ("workspace", f"{found['workspace']}, {found['clock']} clock, {show.when(found.get('now_ms'))}"),
        ("endpoint", f"{found['endpoint']} in {found['environment']}" if found.get("endpoint") else "none"),
        ("champion", f"{model}@{champion['version']} since {show.when(champion.get('since_ms'))}" if champion else "none yet"),
        ("route", _route(route) if route else None),
        ("rollout", _rollout(model, rollout) if rollout else "none"),
        ("at gates", ", ".join(waiting)),
        *(("approval", _approval(one)) for one in found.get("approvals") or []),
        ("jobs", found.get("jobs")),
    ]


def _now(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What broke, what was measured, what ran, and why each reaction does nothing."""
    lines = [
        ("breach", f"{one['monitor']} since {show.when(one.get('opened_ms'))}: {one.get('because', '')}")
        for one in found.get("breaches") or []
    ]
    lines += [("signal", f"{one['monitor']}: {_figures(one)}") for one in found.get("signals") or []]
    lines += [
        ("run", f"{one['run_id']} {one['pipeline']} {one['state']}  {one.get('reason', '')}".rstrip())
        for one in found.get("runs") or []
    ]
    for one in found.get("quiet") or []:
        lines.append(("reaction", f"{one['reaction']}: {one['because']}" + (f" ({one['detail']})" if one.get("detail") else "")))
    return lines


def _route(route: dict[str, Any]) -> str:
    serving = ", ".join(f"{node} serves {generation}" for node, generation in route["serving"].items()) or "no node is there"
    failed = "".join(f"; {node} failed: {why}" for node, why in (route.get("failed") or {}).items())
    return f"generation {route['wanted']} wanted; {serving}{failed}"


def _rollout(model: str, rollout: dict[str, Any]) -> str:
    paused = ", paused" if rollout.get("paused") else ""
    since = f"since {show.when(rollout['entered_ms'])}" if rollout.get("entered_ms") else "not yet acknowledged"
    told = f"{model}@{rollout['version']} {rollout['state']} in {rollout['stage']} {since}{paused}"
    return f"{told}: {rollout['because']} ({rollout['id']})"


def _approval(one: dict[str, Any]) -> str:
    version = f"{one['model']}@{one['version']}"
    never = f", never by {', '.join(one['authors'])}" if one["authors"] else ""
    return f"{version} waits for a {one['role']} until {show.when(one['deadline_ms'])}{never}: regie approval show {version}"


def _figures(signal: dict[str, Any]) -> str:
    value, low, high, bound = (signal.get(name) for name in ("value", "low", "high", "bound"))
    interval = f" [{show.one(low)}, {show.one(high)}]" if low is not None else ""
    against = f" against {show.one(bound)}" if bound is not None else ""
    return f"{signal.get('verdict', '')} {show.one(value)}{interval}{against}, window to {show.when(signal.get('to_ms'))}"


def _rest(found: dict[str, Any]) -> None:
    """What a task's explanation holds: the parts of its key, and the first one that differed."""
    for name, value in found.items():
        if isinstance(value, dict) and value:
            show.text(f"{name}:")
            show.facts((f"  {part}", content) for part, content in value.items())
        elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            show.text(f"{name}:")
            titles = tuple(dict.fromkeys(key for row in value for key in row))
            show.rows(value, tuple((title, title) for title in titles), False)
        elif value not in (None, "", [], {}):
            show.text(f"{name}: {show.one(value)}")

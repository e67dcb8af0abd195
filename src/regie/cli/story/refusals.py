"""Acts 4 and 9: what the loop and the platform refuse, with their reasons."""

import json
from collections.abc import Iterator

from regie.cli.story import outsider
from regie.cli.story.replay import Replay, Tally
from regie.cli.story.running import WORKSPACE
from regie.cli.story.stage import Stage

HONEST, CORRUPTED = "rows.label))", "~rows.label))  # a refactoring that took it for `on time`"


def is_quiet(here: Stage) -> bool:
    """Nothing is under way. Drift may be seen: the example's file lets nothing follow from it."""
    found = here.api.status()
    breached = [one for one in found["breaches"] if one["kind"] == "quality"]
    return not (found["rollout"] or found["qualifications"] or found["jobs"] or breached)


def quiet(here: Stage) -> None:
    """`regie why` says of each reaction why it does nothing."""
    found = json.loads(here.ran("why", WORKSPACE, "--json").out)["lines"]
    reasons = {line["subject"]: line["because"] for line in found if line["type"] == "reaction"}
    expected = "a reason for each reaction"
    here.claims.expect("`regie why` says why the loop does nothing", len(reasons) == 2 and all(reasons.values()), expected, found)
    for line in found:
        here.screen.say(f"quiet: {line['subject']}: {line['because']}" + (f" ({line['detail']})" if line["detail"] else ""))


def bad_candidate(here: Stage, replay: Replay) -> Iterator[None]:
    """Act 4: labels turned round by a bug; the gates refuse what was learned from them."""
    quiet(here)
    champion = here.api.status()["champion"]["version"]
    here.bad_version = here.trained(here.copied("corrupted", lambda flow: flow.replace(HONEST, CORRUPTED)))
    flow = (here.regie.home / "corrupted" / "flow.py").read_text()
    here.claims.expect("the bug is in the copy's flow.py", CORRUPTED in flow, CORRUPTED, flow)
    bad = here.version(here.bad_version)
    state = bad["qualification"]["state"]
    here.claims.expect("a gate refuses the bad candidate", state == "failed", "failed", bad["qualification"])
    failed = [one for one in bad["evidence"] if one["verdict"] == "failed"]
    here.claims.expect("the refusal has its evidence", bool(failed), "a failed gate with figures", bad["evidence"])
    here.claims.expect("it never has a rollout", not bad["rollouts"], "no rollout", bad["rollouts"])
    kept = here.api.status()["champion"]["version"]
    here.claims.expect("the champion stays", kept == champion, champion, kept)
    for one in failed:
        figures = (
            f"{one['value']:.4g} [{one['low']:.4g}, {one['high']:.4g}] on {one['rows']:,} rows" if one["low"] is not None else ""
        )
        here.screen.say(f"version {here.bad_version} is refused by `{one['gate']}`: {figures}")
    yield


def never_served(here: Stage, tally: Tally) -> None:
    """Act 4, at the year's end: what was refused never had a request."""
    answered = int((tally.version == here.bad_version).sum())
    here.claims.expect("the refused version answered no request", answered == 0, 0, answered)
    routed = [
        one["data"]["generation"]
        for one in here.chronicle.of("route.changed")
        if any(int(variant["version"]) == here.bad_version for variant in one["data"]["variants"])
    ]
    here.claims.expect("no route ever named the refused version", not routed, "no generation", routed)


def forbidden(here: Stage) -> None:
    """Act 9: nobody crowns by hand, and the attempt is on record."""
    champion = int(here.api.status()["champion"]["version"])
    before = here.api.audit.anchor()["seq"]
    refusal = outsider.crown(here.regie, here.bad_version or 1)
    here.claims.expect(
        "mlflow's alias call on `champion` answers 403", refusal.status == 403, 403, f"{refusal.status}: {refusal.says}"
    )
    here.claims.expect("the answer says how to ask for a promotion", "regie" in refusal.says, "a command of regie", refusal.says)
    records = [one for one in here.api.audit.records(before) if one["result"] == "refused"]
    about = [one for one in records if one["action"] == "champion.set"]
    here.claims.expect("the refusal is in the audit log", len(about) == 1, "1 record: champion.set refused", records)
    now = int(here.api.status()["champion"]["version"])
    here.claims.expect("the champion is the same", now == champion, champion, now)
    here.screen.say(refusal.says.strip().splitlines()[0])
    here.screen.say(f"audit record {about[0]['seq']}: {about[0]['actor']} {about[0]['action']} {about[0]['target']}: refused")

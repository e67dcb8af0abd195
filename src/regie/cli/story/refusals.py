"""Acts 4 and 5: what the loop and the platform refuse, with their reasons."""

import json
import shutil

from regie.cli.story import outsider
from regie.cli.story.replay import Tally
from regie.cli.story.running import WORKSPACE
from regie.cli.story.stage import Stage

HALF_WAY = "2013-07-01"
HONEST, CORRUPTED = "rows.label))", "~rows.label))  # a refactoring that took it for `on time`"


def is_quiet(here: Stage) -> bool:
    """Nothing is under way."""
    found = here.api.status()
    return not (found["rollout"] or found["qualifications"] or found["jobs"] or found["breaches"])


def quiet(here: Stage) -> None:
    """`regie why` says of each reaction why it does nothing."""
    found = json.loads(here.ran("why", WORKSPACE, "--json").out)["lines"]
    reasons = {line["subject"]: line["because"] for line in found if line["type"] == "reaction"}
    expected = "a reason for each reaction"
    here.claims.expect("`regie why` says why the loop does nothing", len(reasons) == 2 and all(reasons.values()), expected, found)
    for line in found:
        here.screen.say(f"quiet: {line['subject']}: {line['because']}" + (f" ({line['detail']})" if line["detail"] else ""))


def bad_candidate(here: Stage) -> None:
    """Act 4: labels turned round by a bug; the gates refuse what was learned from them."""
    before = {int(one["version"]) for one in here.versions()}
    champion = here.api.status()["champion"]["version"]
    folder = here.regie.home / "corrupted"
    shutil.copytree(here.regie.project, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    flow = folder / "flow.py"
    flow.write_text(flow.read_text().replace(HONEST, CORRUPTED))
    here.claims.expect("the bug is in the copy's flow.py", CORRUPTED in flow.read_text(), CORRUPTED, flow.read_text())
    here.ran("pipeline", "run", "train", "--wait", folder=folder)
    here.until("the gates judged the bad candidate", lambda: _judged(here, before))
    bad = next(one for one in here.versions() if int(one["version"]) not in before and one["qualification"])
    here.bad_version = int(bad["version"])
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


def _judged(here: Stage, before: set[int]) -> bool:
    states = [
        one["qualification"]["state"] for one in here.versions() if int(one["version"]) not in before and one["qualification"]
    ]
    return any(state not in ("waiting", "judging") for state in states)


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
    """Act 5: nobody crowns by hand, and the attempt is on record."""
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

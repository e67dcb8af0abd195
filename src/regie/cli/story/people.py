"""Act 7: for some weeks the file asks for an approval. Nobody approves what is his own; what nobody approves in time is not released."""

from collections.abc import Iterator

from regie.base.clock import day
from regie.cli.story import byhand
from regie.cli.story.replay import Replay
from regie.cli.story.running import Outcome
from regie.cli.story.stage import MODEL, Stage
from regie.client.http import RemoteError

VALIDATOR, WITHIN_DAYS = "ada", 5
ASKS = {
    "  gates: [log_loss": "  approve: {by: validator, not: author, within: 5d}\n  gates: [log_loss",
}
NOT_ALLOWED, FORBIDDEN = 4, 403


def people(here: Stage, replay: Replay) -> Iterator[None]:
    """A validator is added, the file asks for her; one version waits for her and is released, the next one waits in vain."""
    token = here.ran("actor", "add", VALIDATOR, "--role", "validator").out.strip().splitlines()[-1]
    here.apply(ASKS)
    here.screen.say(f"regie actor add {VALIDATOR} --role validator; regie.yaml asks for an approval, and is applied")
    version = _asked(here)
    _not_by_its_author(here, version)
    done = here.regie.command("approval", "grant", f"{MODEL}@{version}", "--reason", "the evidence holds", token=token)
    here.claims.expect("the validator may approve it", done.code == 0, "exit code 0", _said(done))
    here.rollout_of(version)
    here.screen.say(f"{VALIDATOR} approves version {version}: its rollout goes on")
    _noted(here, version, "granted")
    for _ in range(2):
        yield
    champion = int(here.api.status()["champion"]["version"])
    here.claims.expect("the approved version becomes champion", champion == version, version, champion)
    byhand.rollback(here, replay)
    yield
    yield from _in_vain(here, replay)
    here.apply({})
    here.claims.expect(
        "the file asks no longer", "approve" not in (here.api.spec() or {})["document"]["model"], "no approval", "approve"
    )


def _asked(here: Stage) -> int:
    """A version that passed its gates and waits for a person."""
    version = here.trained()
    state = here.version(version)["qualification"]["state"]
    here.claims.expect(f"version {version} passes its gates", state == "passed", "passed", here.version(version))
    here.until("its approval is asked for", lambda: _approval(here, version) == "pending")
    rollouts = here.version(version)["rollouts"]
    running = [one for one in rollouts if one["state"] == "running"]
    here.claims.expect("without it nothing is rolled out", not running, "no rollout", rollouts)
    return version


def _approval(here: Stage, version: int) -> str:
    try:
        return str(here.api.approvals.show(f"{MODEL}@{version}")["state"])
    except RemoteError:
        return ""


def _not_by_its_author(here: Stage, version: int) -> None:
    """Who trained it may not approve it, by command or by HTTP."""
    expect = here.claims.expect
    done = here.regie.command("approval", "grant", f"{MODEL}@{version}", "--reason", "it is mine, I know it")
    expect("the author's own approval is refused: exit code 4", done.code == NOT_ALLOWED, NOT_ALLOWED, _said(done))
    try:
        here.api.approvals.grant(f"{MODEL}@{version}", "once more")
        status = 200
    except RemoteError as refused:
        status = refused.status
    expect("and over HTTP: 403", status == FORBIDDEN, FORBIDDEN, status)
    expect("it still waits", _approval(here, version) == "pending", "pending", _approval(here, version))
    here.screen.say(f"its author is refused: {done.err.strip().splitlines()[0]}")


def _in_vain(here: Stage, replay: Replay) -> Iterator[None]:
    """Nobody answers within five days."""
    champion = int(here.api.status()["champion"]["version"])
    version, asked_ms = _asked(here), replay.midnight_ms
    for _ in range(WITHIN_DAYS + 1):
        yield
    expect = here.claims.expect
    expect(
        "an approval that nobody gives in time is expired",
        _approval(here, version) == "expired",
        "expired",
        _approval(here, version),
    )
    done = here.regie.command("approval", "grant", f"{MODEL}@{version}", "--reason", "sorry, I was on holiday")
    expect("it cannot be given any more", done.code != 0, "an error", _said(done))
    rollouts = here.version(version)["rollouts"]
    expect("that version is not released", not any(one["started_ms"] for one in rollouts), "no rollout", rollouts)
    now = int(here.api.status()["champion"]["version"])
    expect("the champion stays", now == champion, champion, now)
    _noted(here, version, "expired")
    here.screen.say(f"version {version} waited from {day(asked_ms)} for {WITHIN_DAYS} days: expired, not released")


def _noted(here: Stage, version: int, state: str) -> None:
    found = here.api.approvals.show(f"{MODEL}@{version}")
    here.approvals.append({"version": version, "state": state, "by": found.get("decided_by") or ""})


def _said(done: Outcome) -> str:
    return f"{done.code}: {done.err[-500:]}"

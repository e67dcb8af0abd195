"""Act 8: one command gives the traffic back to the former champion; in less than a second, unless the machine is busy."""

import subprocess
import time

from regie.base.clock import HOUR_MS, monotonic
from regie.cli.story.replay import Replay
from regie.cli.story.running import COMMAND, DemoFailed
from regie.cli.story.stage import MODEL, SETTLE_S, Stage

NUMBER, TITLE = 8, "Rollback by hand"
REASON = "the desk says that its figures look odd"
LIMIT_S = 1.0
SLOW_MACHINE = 3.0  # a busy machine: the limit is so many times what the dry run of the same command took, if that is more
PACE_S, LATE_S = 0.008, 0.25  # between two requests, up to the limit and beyond it: the day has three hundred
MORNING_MS = 8 * HOUR_MS


def rollback(here: Stage, replay: Replay) -> None:
    """In the morning, while requests come in."""
    shown = here.claims.act
    here.claims.act = NUMBER
    here.screen.act(NUMBER, TITLE)
    _rolled_back(here, replay)
    here.claims.act = shown


def _rolled_back(here: Stage, replay: Replay) -> None:
    replay.pass_to(replay.midnight_ms + MORNING_MS)
    was = here.api.status()["champion"]
    began = monotonic()
    here.ran("model", "rollback", MODEL, "--reason", REASON, "--dry-run")
    limit = max(LIMIT_S, SLOW_MACHINE * (monotonic() - began))
    kept = int(here.api.status()["champion"]["version"])
    here.claims.expect("a dry run changes nothing", kept == int(was["version"]), was["version"], kept)
    seconds, answered = _measured(here, replay, int(was["former"]))
    expect = here.claims.expect
    expect(
        f"from the command to the first answer of the former champion: under {limit:.1f} s",
        seconds <= limit,
        f"{limit:.1f} s",
        f"{seconds:.2f} s",
    )
    now = here.api.status()["champion"]
    expect("the former champion is champion again", now["version"] == was["former"], was["former"], now["version"])
    expect("no request failed", not replay.tally.failures, "0 failed", replay.tally.failures[:3])
    why = here.ran("why", f"{MODEL}@champion").out
    expect("`regie why` says that a person did it", "model.rolled_back" in why, "model.rolled_back", why)
    here.by_hand.append({"from": was["version"], "to": now["version"], "seconds": round(seconds, 2)})
    here.screen.say(f"regie model rollback {MODEL}: {seconds:.2f} s from the command to the first answer of version {now['version']}, "
                    f"after {answered} more of version {was['version']}; none failed")  # fmt: skip


def _measured(here: Stage, replay: Replay, former: int) -> tuple[float, int]:
    """Seconds from the command's start to the first request answered by the former champion, and the answers until then."""
    first, end, tally = replay.sent, replay.stream.rows(replay.today + 1).stop, replay.tally
    began = monotonic()
    with subprocess.Popen(
        (*COMMAND, "model", "rollback", MODEL, "--reason", REASON), cwd=here.regie.project, env=here.regie.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as command:  # fmt: skip
        while replay.sent < end and monotonic() < began + SETTLE_S:
            replay.send_until(replay.sent + 1)
            if tally.version[replay.sent - 1] == former:
                seconds, answered = monotonic() - began, replay.sent - 1 - first
                said, _ = command.communicate(timeout=SETTLE_S)
                here.claims.expect("`regie model rollback` succeeds", command.returncode == 0, "exit code 0", said)
                return seconds, answered
            time.sleep(PACE_S if monotonic() < began + LIMIT_S else LATE_S)
        command.kill()
        raise DemoFailed("the former champion answered none of the day's requests", here.regie.address, command.communicate()[0])

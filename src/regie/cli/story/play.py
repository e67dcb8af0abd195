"""`regie demo`: the order of the acts, from an empty folder to the report. Whatever happens, what it started is ended."""

import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from types import FrameType

import numpy as np

from regie.base.clock import DAY_MS, monotonic
from regie.cli.opened import has_screen
from regie.cli.story import crash, figures, loop, online, outsider, people, place, proof, refusals, release, report, running
from regie.cli.story.chronicle import PAGE, PROMOTION, RETRAINING, Chronicle
from regie.cli.story.claims import Claims
from regie.cli.story.figures import Losses
from regie.cli.story.place import prepare
from regie.cli.story.programme import LIFE, Act, Programme
from regie.cli.story.replay import Replay, Tally
from regie.cli.story.running import DemoFailed, Regie
from regie.cli.story.screen import Screen
from regie.cli.story.stage import FIRST_DAY, REPLAY_FROM, Stage
from regie.cli.story.stream import Stream, features, read

MOST, GAIN, RETRAININGS = 0.510, 0.025, 14
# What is played in the middle of the year, in this order. Act 8, the rollback by hand, is a part of the seventh.
ACTS = (
    Act(4, "A bad candidate, offline", "2013-04-25", refusals.bad_candidate),
    Act(5, "A bad version, online", "2013-05-01", online.slow, online.silent),
    Act(5, "A bad version, online", "2013-05-10", online.raises, online.unseen("dewp")),
    Act(5, "A bad version, online", "2013-06-01", online.hungry, online.unseen("precip")),
    Act(6, "Crash", "2013-07-20", crash.crash),
    Act(7, "People", "2013-08-15", people.people),
)


def play(home: Path, keep: bool) -> None:
    """Play all ten acts. Raises ClaimBroken where one claim does not hold, Conflict where the folder is not free."""
    home = home.resolve()
    project = prepare(home)
    running.isolate(home)
    regie = Regie(home, project, *running.free_ports())
    finished = False
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with Screen() as screen:
            _story(regie, screen)
            finished = True
            if keep:
                _kept(regie, screen)
    finally:
        if not (keep and finished):
            regie.stop()


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _story(regie: Regie, screen: Screen) -> None:
    started = monotonic()
    screen.act(1, "First release")
    _prepare(regie, screen)
    with regie.client() as api:
        here = Stage(regie, api, screen, Claims(1), Chronicle(lambda after: api.events.list(after, PAGE)))
        release.first_release(here)
        stream = read(regie.project / "data" / "flights.parquet")
        tally = Tally.of(len(stream.keys))
        losses = _year(here, stream, tally)
        version = _aftermath(here, stream, tally, losses)
        here.claims.act = 9
        screen.act(9, "Forbidden")
        refusals.forbidden(here)
        here.claims.act = 10
        screen.act(10, "Proof")
        proof.proof(here, version)
        seconds = monotonic() - started
        report.write(regie, here, stream, tally, losses, seconds)


def _prepare(regie: Regie, screen: Screen) -> None:
    """Start Regie; meanwhile the project's own script makes its data, as a user would run it."""
    made = subprocess.Popen([sys.executable, "flights.py"], cwd=regie.project, stdin=subprocess.DEVNULL)
    try:
        regie.start(REPLAY_FROM)
    finally:
        code = made.wait()
    if code:
        raise DemoFailed(f"flights.py ended with {code}", str(regie.project), "pip install 'regie[demo]'")
    place.mark(regie.home, regie.process.pid if regie.process else 0, regie.address, regie.serve_address)
    screen.say(f"regie up: {regie.address}, endpoint {regie.serve_address}; the clock shows {REPLAY_FROM[:10]}")
    _invite(regie, screen)


def _year(here: Stage, stream: Stream, tally: Tally) -> Losses:
    """Act 2, and between its days acts 4 to 8."""
    replay = Replay(here.regie, here.api, stream, here.chronicle, here.screen, tally)
    programme = Programme(ACTS, here, replay)

    def each_day(today: int) -> None:
        if tally.failures:  # one line a day would say nothing; at the first failure the story is over
            here.claims.expect("no request failed", False, "0 failed", tally.failures[:3])
        programme.midnight()

    here.claims.act = LIFE
    here.screen.act(LIFE, "Life")
    replay.run(FIRST_DAY, each_day)
    left = [act.title for act in programme.waiting]
    here.claims.expect("each act had its quiet stretch", not left and programme.playing is None, "all were played", left)
    rows = slice(int(stream.edges[FIRST_DAY]), None)
    loop.life(here, tally, len(stream.keys) - rows.start)
    late = stream.late[rows]
    frozen = outsider.scores(here.regie, 1, features(stream.frame.iloc[rows.start :]))
    naive = figures.base_rate(stream, FIRST_DAY)
    return Losses(*(figures.log_loss(said, late) for said in (tally.probability[rows], frozen, naive)))


def _aftermath(here: Stage, stream: Stream, tally: Tally, losses: Losses) -> int:
    """Act 3 and the rest of act 4 are seen best when the year is over."""
    here.claims.act = 3
    here.screen.act(3, "Breach, retraining, promotion")
    version = loop.closed_loop(here, tally, np.asarray(stream.times_ms // DAY_MS))
    means, expect = losses.means(), here.claims.expect
    expect(f"the closed loop's log loss is at most {MOST}", means["closed_loop"] <= MOST, MOST, f"{means['closed_loop']:.4f}")
    gain = means["frozen"] - means["closed_loop"]
    expect(f"it is at least {GAIN} below the frozen model's", gain >= GAIN, GAIN, f"{gain:.4f}")
    retrained = here.chronicle.count(RETRAINING)
    expect(f"at most {RETRAININGS} retrainings", retrained <= RETRAININGS, RETRAININGS, retrained)
    here.screen.say(f"{retrained} retrainings, {here.chronicle.count(PROMOTION)} promotions, the first release among them")
    here.claims.act = 4
    expect("a bad candidate was tried", here.bad_version > 0, "in a quiet stretch of the year", "no quiet stretch")
    refusals.never_served(here, tally)
    here.screen.say(f"version {here.bad_version}, which the gates refused, answered no request and stood in no route")
    return version


def _kept(regie: Regie, screen: Screen) -> None:
    pid = regie.process.pid if regie.process else 0
    _invite(regie, screen)
    screen.raw(
        f"\nEverything still runs: {regie.address} (control room, API, MLflow at /w/flights), {regie.serve_address} (endpoint)"
    )
    screen.raw(f"  export REGIE_SERVER={regie.address} MLFLOW_TRACKING_URI={regie.address}/w/flights")
    screen.raw(f"  end it with: kill {pid}")


def _invite(regie: Regie, screen: Screen) -> None:
    """Say where the control room is, and open it where there is a screen."""
    with regie.client() as api:
        link = api.sessions.link()["link"]
    screen.raw(f"\n  The control room: {link}")
    screen.raw(f"  it works once, for 15 minutes; a new one: REGIE_SERVER={regie.address} regie open")
    if has_screen():
        webbrowser.open(link)

"""Which act begins on which day of the year. An act that spans several days is a generator: at each `yield` one day passes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from regie.base.clock import parse_iso
from regie.cli.story.refusals import is_quiet
from regie.cli.story.replay import Replay
from regie.cli.story.stage import Stage

LIFE = 2  # the act between the others
Play = Callable[[Stage, Replay], Iterator[None]]


@dataclass(frozen=True)
class Act:
    """Played from the first midnight on, not before `begins`, on which nothing is under way and `fits(replay)` holds."""

    number: int
    title: str
    begins: str
    play: Play
    fits: Callable[[Replay], bool] = lambda replay: True


class Programme:
    """The acts in their order, one after the other."""

    def __init__(self, acts: Sequence[Act], here: Stage, replay: Replay) -> None:
        self.waiting, self.here, self.replay = list(acts), here, replay
        self.playing: Iterator[None] | None = None
        self.shown = 0

    def midnight(self) -> None:
        """Let the act that plays go on, or begin the next one."""
        if self.playing is None and self.waiting and self._due(self.waiting[0]):
            self._begin(self.waiting.pop(0))
        if self.playing is None:
            return
        self.here.claims.act = self.shown
        try:
            next(self.playing)
        except StopIteration:
            self.playing = None
        self.here.claims.act = LIFE

    def _due(self, act: Act) -> bool:
        begun = self.replay.midnight_ms >= parse_iso(act.begins) and not self.replay.is_over
        return begun and act.fits(self.replay) and is_quiet(self.here)

    def _begin(self, act: Act) -> None:
        if act.number != self.shown:
            self.here.screen.act(act.number, act.title)
        self.playing, self.shown = act.play(self.here, self.replay), act.number

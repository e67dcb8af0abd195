"""The story on the screen: a bar and lines in a terminal; plain lines, at most one of progress in ten seconds, when piped."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from regie.base.clock import day, monotonic

EVERY_S = 10
COLOURS = {
    "breach": "red", "retraining": "cyan", "promotion": "green", "refusal": "yellow", "rollback": "magenta", "drift": "dim",
    "undecided": "dim", "failure": "bold red", "abort": "magenta", "approval": "blue", "crash": "bold red",
}  # fmt: skip


class Screen:
    """Everything that the demo prints, on stdout: here the story is the data."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.started = monotonic()
        self.said = self.started
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn(),
            console=self.console, transient=True, disable=not self.console.is_terminal,
        )  # fmt: skip
        self.bar: TaskID | None = None

    def __enter__(self) -> "Screen":
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def act(self, number: int, title: str) -> None:
        self.console.print(f"\n[bold]Act {number}. {escape(title)}[/bold]  [dim]{self._clock()}[/dim]")

    def say(self, text: str) -> None:
        self.console.print(f"  {escape(text)}")

    def event(self, kind: str, time_ms: int, text: str) -> None:
        """One thing that the loop did, at its business time."""
        self.console.print(f"  {day(time_ms)}  [{COLOURS[kind]}]{escape(text)}[/]")

    def move(self, done: int, total: int, note: str) -> None:
        """How far the year has passed."""
        if self.bar is None:
            self.bar = self.progress.add_task("the year passes", total=total, note=note)
        self.progress.update(self.bar, completed=done, note=note)
        if not self.console.is_terminal and monotonic() - self.said >= EVERY_S:
            self.said = monotonic()
            self.console.print(f"  {done:,} of {total:,} requests, {note}  {self._clock()}")
        if done >= total:
            self.progress.update(self.bar, visible=False)

    def raw(self, text: str) -> None:
        """Output of a command, as it is."""
        self.console.print(text.rstrip(), markup=False)

    def _clock(self) -> str:
        seconds = int(monotonic() - self.started)
        return f"{seconds // 60}:{seconds % 60:02}"

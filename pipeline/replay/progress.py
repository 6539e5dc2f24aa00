"""How far a replay is: rate and time left; live on a terminal, plain lines elsewhere, nothing where a program reads."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

_LINE_EVERY_S = 5.0


class Progress:
    """Says nothing. The base of the two that do."""

    def stage(self, what: str) -> None:
        """A step without a measure begins."""

    def copied(self, topic: str, records: int, total: int) -> None:
        """So many records of a topic are copied; `total` is how many offsets there are."""

    def events(self, lines: int) -> None:
        """So many lines of the events file are read."""

    def owners(self, done: int, total: int) -> None:
        """So many physicians' and institutions' files are folded."""

    def begin(self, weight: int, rows: int | None) -> None:
        """The claims begin: `weight` bytes of input, and `rows` rows where that is known."""

    def advance(self, weight: int, rows: int, *, again: bool = False) -> None:
        """A slice is done; `again` says that an earlier run did it."""

    def end(self) -> None:
        """No more slices."""

    def close(self) -> None:
        """Shows no more, whatever happened."""


class _Measured(Progress):
    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = 0.0
        self._weight = self._done = self._again = 0
        self._rows = self._rows_again = 0
        self._total: int | None = None

    def stage(self, what: str) -> None:
        self._console.print(what, markup=False, highlight=False)

    def begin(self, weight: int, rows: int | None) -> None:
        self._began = time.monotonic()
        self._weight, self._total = weight, rows

    def advance(self, weight: int, rows: int, *, again: bool = False) -> None:
        self._done += weight
        self._rows += rows
        if again:
            self._again += weight
            self._rows_again += rows

    def _rate(self) -> float:
        """Rows a second of this run."""
        return (self._rows - self._rows_again) / max(time.monotonic() - self._began, 1e-9)

    def _left(self) -> float | None:
        """Seconds left by the share of the input that this run has done; None before it can be told."""
        now = self._done - self._again
        if now <= 0:
            return None
        return (time.monotonic() - self._began) * (self._weight - self._done) / now

    def _state(self) -> str:
        of = "" if self._total is None else f" of {self._total:,}"
        left = self._left()
        ends = "" if left is None else f", {_duration(left)} left"
        return f"{self._rows:,}{of} claims, {self._rate():,.0f}/s{ends}"


class PlainLines(_Measured):
    """A line every few seconds, for pipes and build logs."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._next_line = 0.0

    def copied(self, topic: str, records: int, total: int) -> None:
        self._line(f"{records:,} of {total:,} records of {topic} read", last=records == total)

    def events(self, lines: int) -> None:
        self._line(f"{lines:,} lines of events read")

    def owners(self, done: int, total: int) -> None:
        self._line(f"{done:,} of {total:,} dossiers folded", last=done == total)

    def begin(self, weight: int, rows: int | None) -> None:
        super().begin(weight, rows)
        self._next_line = time.monotonic() + _LINE_EVERY_S

    def advance(self, weight: int, rows: int, *, again: bool = False) -> None:
        super().advance(weight, rows, again=again)
        self._line(self._state())

    def end(self) -> None:
        self._line(self._state(), last=True)

    def _line(self, text: str, *, last: bool = False) -> None:
        if last or time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            self._console.print(text, markup=False, highlight=False)


class Live(_Measured):
    """Bars that move."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            _Share(),
            TextColumn("[dim]{task.fields[state]}"),
            console=console,
            transient=True,
            expand=True,
        )
        self._folding: TaskID | None = None
        self._judging: TaskID | None = None

    def copied(self, topic: str, records: int, total: int) -> None:
        self._fold(f"{topic}: {records:,} of {total:,}", total, records)

    def events(self, lines: int) -> None:
        self._fold(f"{lines:,} lines", None, 0)

    def owners(self, done: int, total: int) -> None:
        self._fold(f"{done:,} of {total:,} dossiers", total, done)
        if done == total and self._folding is not None:
            self._bars.remove_task(self._folding)
            self._folding = None

    def _fold(self, state: str, total: int | None, done: int) -> None:
        self._bars.start()
        if self._folding is None:
            self._folding = self._bars.add_task("events", total=total, state=state)
        self._bars.update(self._folding, total=total, completed=done, state=state)

    def begin(self, weight: int, rows: int | None) -> None:
        super().begin(weight, rows)
        self._bars.start()
        self._judging = self._bars.add_task("claims", total=weight, state="")

    def advance(self, weight: int, rows: int, *, again: bool = False) -> None:
        super().advance(weight, rows, again=again)
        if self._judging is not None:
            self._bars.update(self._judging, completed=self._done, state=self._state())

    def close(self) -> None:
        self._bars.stop()

    def end(self) -> None:
        self._bars.stop()
        self._console.print(self._state(), markup=False, highlight=False)


class _Share(ProgressColumn):
    """The share done, in per cent."""

    def render(self, task: Task) -> Text:
        """The text of one task; empty where the end is unknown."""
        return Text("" if not task.total else f"{task.percentage:>3.0f} %")


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain_or_live(console: Console, *, quiet: bool) -> Progress:
    """The progress that suits the console."""
    if quiet:
        return Progress()
    return Live(console) if console.is_terminal else PlainLines(console)

"""How far the demo is: live on a terminal, plain lines elsewhere, nothing where a program reads the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from pipeline.demo.summary import yuan
from pipeline.demo.words import Words
from rules.vocabulary import Disposition

_LINE_EVERY_S = 2.0


class Progress:
    """Says nothing. The base of the two that do."""

    def __enter__(self) -> Progress:
        """Begins to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends showing, whatever happened."""

    def step(self, name: str, **values: object) -> None:
        """Something is done for good."""

    def waiting(self) -> None:
        """The worker is not ready yet."""

    def begin(self, claims: int) -> None:
        """The claims begin to stream."""

    def update(self, sent: int, verdicts: int, dead_letters: int, fen: Mapping[str, int]) -> None:
        """So many records are in and out by now."""

    def end(self) -> None:
        """All claims are answered."""


class PlainLines(Progress):
    """One line a step and one every two seconds, for pipes and build logs."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console, self._words = console, words
        self._claims = 0
        self._next_line = 0.0
        self._latest: dict[str, str | int] | None = None

    def step(self, name: str, **values: object) -> None:
        """Prints what is done."""
        self._console.print(self._words[name].format(**values), markup=False, highlight=False)

    def begin(self, claims: int) -> None:
        """Remembers how many there are."""
        self._claims = claims
        self._next_line = time.monotonic() + _LINE_EVERY_S

    def update(self, sent: int, verdicts: int, dead_letters: int, fen: Mapping[str, int]) -> None:
        """Prints the state if the last line is old enough."""
        self._latest = {"verdicts": verdicts, "dead": dead_letters, "withheld": yuan(fen[Disposition.REJECT])}
        if self._claims and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            self._print()

    def end(self) -> None:
        """Prints the last state."""
        self._print()
        self._claims = 0

    def _print(self) -> None:
        if self._latest is not None:
            done = int(self._latest["verdicts"]) + int(self._latest["dead"])
            state = self._words["state"].format(**self._latest)
            self._console.print(f"{done:,}/{self._claims:,}  {state}", markup=False, highlight=False)


class _Count(ProgressColumn):
    """So many of so many, always as wide as at the end."""

    def render(self, task: Task) -> Text:
        """The text of one task; empty where there is nothing to count."""
        if task.total is None:
            return Text("")
        total = f"{task.total:,.0f}"
        return Text(f"{task.completed:>{len(total)},.0f}/{total}")


class Live(Progress):
    """Steps with a tick, and below them bars that move."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console, self._words = console, words
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            _Count(Column(no_wrap=True, min_width=13)),
            BarColumn(bar_width=None),
            TextColumn("[dim]{task.fields[state]}"),
            console=console,
            transient=True,
            expand=True,
        )
        self._joining: TaskID | None = None
        self._sent: TaskID | None = None
        self._judged: TaskID | None = None

    def __enter__(self) -> Live:
        """Begins to show."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clears the bars away."""
        self._bars.stop()

    def step(self, name: str, **values: object) -> None:
        """Prints a tick and what is done."""
        if self._joining is not None:
            self._bars.remove_task(self._joining)
            self._joining = None
        self._bars.console.print(f"[green]✓[/] {self._words[name].format(**values)}", highlight=False)

    def waiting(self) -> None:
        """Shows that something moves."""
        if self._joining is None:
            self._joining = self._bars.add_task(self._words["joining"], total=None, state="")

    def begin(self, claims: int) -> None:
        """Shows two bars: what is in and what is out."""
        self._sent = self._bars.add_task(self._words["sent"], total=claims, state="")
        self._judged = self._bars.add_task(self._words["judged"], total=claims, state="")

    def update(self, sent: int, verdicts: int, dead_letters: int, fen: Mapping[str, int]) -> None:
        """Moves the bars."""
        if self._sent is None or self._judged is None:
            return
        self._bars.update(self._sent, completed=sent)
        state = self._words["state"].format(
            verdicts=verdicts, dead=dead_letters, withheld=yuan(fen[Disposition.REJECT])
        )
        self._bars.update(self._judged, completed=verdicts + dead_letters, state=state)


def plain_or_live(console: Console, words: Words, *, quiet: bool) -> Progress:
    """The progress that suits the console."""
    if quiet:
        return Progress()
    return Live(console, words) if console.is_terminal else PlainLines(console, words)

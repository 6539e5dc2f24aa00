"""What stops a replay, told so that it can be mended."""

from __future__ import annotations

from collections.abc import Sequence


class ReplayError(ValueError):
    """An input, a folder or a setting that cannot be used; the message says what to do."""


class MappingError(ReplayError):
    """A mapping that does not fit its source. `problems` lists everything wrong with it, not only the first."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class StrictError(ReplayError):
    """A row that is no claim, in a run that was told to stop at the first."""


class RangeError(ReplayError):
    """A range of a topic that cannot be read as asked, or does not exist."""

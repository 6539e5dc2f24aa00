"""Errors of files and mappings that cannot be used; each says how to correct it."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """A file that cannot be used, or not to its end; the message says what to do."""


class MappingError(InputError):
    """A mapping that does not fit its source. `problems` lists everything wrong with it, not only the first."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class FormError(ValueError):
    """A value that cannot be what its field wants; the message says what was expected."""

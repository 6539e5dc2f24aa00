"""Errors that stop a replay; each says how to correct it."""

from __future__ import annotations


class ReplayError(ValueError):
    """A folder, a setting or a result that cannot be used; the message says what to do."""


class StrictError(ReplayError):
    """A row that is no claim, or something else that is otherwise told, in a run that was told to stop at the first."""


class RangeError(ReplayError):
    """A range of a topic that cannot be read as asked, or does not exist."""

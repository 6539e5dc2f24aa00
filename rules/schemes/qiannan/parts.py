"""The parts of a Qiannan account: a year's counters and a penalty window. Days are ordinals."""

from __future__ import annotations


class Year:
    """Counters of one calendar year. `open_ids` are the deductions of the open cycle."""

    __slots__ = (
        "bank",
        "cycle",
        "eligible",
        "granted",
        "gross",
        "open_ids",
        "peak",
        "resets",
        "three_fired",
        "total",
        "two_fired",
        "zero_until",
    )

    def __init__(self) -> None:
        self.cycle = self.total = self.gross = self.peak = 0
        self.eligible = self.bank = self.granted = self.resets = 0
        self.two_fired = self.three_fired = False
        self.zero_until = 0
        self.open_ids: tuple[str, ...] = ()

    def copy(self) -> Year:
        """The same counters, to count on with."""
        other = Year()
        for name in Year.__slots__:
            setattr(other, name, getattr(self, name))
        return other


class Penalty:
    """A penalty window [start, end], from the decision of one day; `hole` are days on which it does not bind."""

    __slots__ = ("causes", "cycle", "decision", "eligible", "end", "exhausts", "hole", "start")

    def __init__(self, start: int, end: int, decision: int, causes: tuple[str, ...], *, exhausts: bool) -> None:
        self.start = start
        self.end = end
        self.decision = decision
        self.causes = causes
        self.exhausts = exhausts
        self.cycle = self.eligible = 0
        self.hole: tuple[int, int] | None = None

    def copy(self) -> Penalty:
        """The same window, to count on with."""
        other = Penalty(self.start, self.end, self.decision, self.causes, exhausts=self.exhausts)
        other.cycle, other.eligible, other.hole = self.cycle, self.eligible, self.hole
        return other

    def covers(self, t: int) -> bool:
        """Whether day `t` is penalised."""
        if not self.start <= t <= self.end:
            return False
        return self.hole is None or not self.hole[0] <= t <= self.hole[1]


def binding(windows: list[Penalty], t: int) -> Penalty | None:
    """Of the windows that penalise day `t` the one that governs it (Q8), as `later` chooses."""
    found: Penalty | None = None
    for window in windows:
        if (
            window.start <= t <= window.end
            and (found is None or window.end > found.end or (window.end == found.end and window.start < found.start))
            and window.covers(t)
        ):
            found = window
    return found


def later(windows: list[Penalty]) -> Penalty | None:
    """Determination Q8: the window with the later end; on equal ends the one with the earlier start."""
    if not windows:
        return None
    if len(windows) == 1:
        return windows[0]
    return max(windows, key=lambda window: (window.end, -window.start))

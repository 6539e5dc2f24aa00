"""How much a test draws: a tenth for `make quick`, the suite's measure, or ten times that and other draws each time, for a night.

HYPOTHESIS_PROFILE says which: quick, suite (the usual one) or deep.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SHARES = {"quick": 0.1, "suite": 1.0, "deep": 10.0}
_NAME = os.environ.get("HYPOTHESIS_PROFILE", "suite")


def load_profile() -> None:
    """Sets hypothesis up. Examples run as long as they run, since the machine may be busy; quick and suite draw the same each time."""
    for name in _SHARES:
        settings.register_profile(
            name,
            deadline=None,
            derandomize=name != "deep",
            suppress_health_check=[HealthCheck.too_slow],
            print_blob=True,
        )
    settings.load_profile(_NAME)


def share(count: int, least: int = 1) -> int:
    """So many in the suite; fewer, but at least `least`, in the quick profile, and more in the deep one."""
    return max(least, int(count * _SHARES[_NAME]))


def examples(count: int) -> settings:
    """Hypothesis settings by which the suite draws so many examples. To be used as a decorator."""
    return settings(max_examples=share(count, least=10))

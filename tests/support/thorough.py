"""How much a test draws, as a share of the count that it names: a tenth for `make quick`, two fifths in the suite, and for a night
ten times the count, with other draws each time.

HYPOTHESIS_PROFILE says which: quick, suite (the usual one) or deep.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SHARES = {"quick": 0.1, "suite": 0.4, "deep": 10.0}
_USUAL = 100
"""Examples of a test that names no count."""
_NAME = os.environ.get("HYPOTHESIS_PROFILE", "suite")


def load_profile() -> None:
    """Sets hypothesis up. Examples run as long as they run, since the machine may be busy; quick and suite draw the same each time."""
    for name, part in _SHARES.items():
        settings.register_profile(
            name,
            max_examples=max(10, int(_USUAL * part)),
            deadline=None,
            derandomize=name != "deep",
            suppress_health_check=[HealthCheck.too_slow],
            print_blob=True,
        )
    settings.load_profile(_NAME)


def share(count: int, least: int = 1) -> int:
    """The profile's share of a count, but at least `least`."""
    return max(least, int(count * _SHARES[_NAME]))


def one_in(number: int) -> int:
    """Of data that is there in full, which share is taken: one in so many, and all of it in the deep profile."""
    return 1 if _NAME == "deep" else number


def examples(count: int) -> settings:
    """Hypothesis settings by which the profile's share of a count is drawn. To be used as a decorator."""
    return settings(max_examples=share(count, least=10))

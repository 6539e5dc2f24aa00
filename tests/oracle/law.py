"""One worked case, judged by the text of its locality."""

from __future__ import annotations

from . import lanzhou, others, points, qiannan
from .outcome import Outcome

LOCALITIES = {
    "qiannan": qiannan.judge,
    "lanzhou": lanzhou.judge,
    "national": others.judge_national,
    "xiamen": others.judge_xiamen,
    "shantou": others.judge_shantou,
    "national_points": points.judge,
}


def judge_case(case: dict) -> Outcome:
    """The whole `expect` object of a case in the schema of the spec (README section 3)."""
    return LOCALITIES[case["locality"]](case)

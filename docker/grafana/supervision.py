"""The dashboard of supervision: what the checks over time found, from the files that their runs leave."""

from __future__ import annotations

from panels import Board, Panel


def _newest(metric: str, *labels: str) -> str:
    """A figure of the last run; several files that tell the same are one."""
    return f"max by ({', '.join(labels)}) ({metric})"


SUPERVISION = Board(
    uid="screening-supervision",
    title="Supervision",
    description="What do claims over time show, and to whom? Each figure is of a last run. 监督检查",
    rows={
        "Checks over time": (
            Panel(
                "Cases by ground",
                "What did the last run find, and why?",
                ((_newest("screening_longitudinal_findings", "run", "ground"), "{{run}}: {{ground}}"),),
                kind="stacked",
            ),
            Panel(
                "Claims",
                "How many were read, count in the end, or wait for a verdict?",
                ((_newest("screening_longitudinal_claims", "run", "figure"), "{{run}}: {{figure}}"),),
            ),
            Panel(
                "Not examined",
                "Of how many claims is a fact missing, and which?",
                ((_newest("screening_longitudinal_not_examined", "run", "needs"), "{{run}}: {{needs}}"),),
                kind="stacked",
            ),
            Panel(
                "Completed",
                "Did the last run come to its end (1)?",
                ((_newest("screening_longitudinal_completed", "run"), "{{run}}"),),
                kind="stat",
            ),
            Panel(
                "Age of the last completed run",
                "Since when does nobody know?",
                (
                    (
                        f"time() - {_newest('screening_longitudinal_last_completed_timestamp_seconds', 'run')}",
                        "{{run}}",
                    ),
                    (
                        f"time() - {_newest('screening_longitudinal_last_run_timestamp_seconds', 'run')}",
                        "{{run}} tried",
                    ),
                ),
                "s",
                "stat",
            ),
            Panel(
                "Duration",
                "How long did the last run take?",
                ((_newest("screening_longitudinal_duration_seconds", "run"), "{{run}}"),),
                "s",
            ),
        ),
    },
)

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
        "Measures of the year": (
            Panel(
                "What the fund paid",
                "By area, in the year and in the one before",
                ((_newest("screening_supervision_fund_amount_yuan", "run", "area", "year"), "{{area}} {{year}}"),),
                "currencyCNY",
            ),
            Panel(
                "Growth",
                "Did spending grow by more than a tenth? (001 篇8)",
                ((_newest("screening_supervision_fund_growth_ratio", "run", "area"), "{{area}}"),),
                "percentunit",
            ),
            Panel(
                "Institutions that grow by more than a tenth",
                "How many, by area?",
                ((_newest("screening_supervision_growing_institutions", "run", "area"), "{{area}}"),),
            ),
            Panel(
                "The five that use most of the fund",
                "Who has to be inspected? (001 篇5)",
                (
                    (
                        _newest("screening_supervision_top_institution_yuan", "run", "area", "institution"),
                        "{{area}} {{institution}}",
                    ),
                ),
                "currencyCNY",
            ),
            Panel(
                "Discharges and sample",
                "How many records are to be reviewed?",
                ((_newest("screening_supervision_discharges", "run", "figure"), "{{figure}}"),),
            ),
            Panel(
                "Suspects reviewed",
                "Of the cases of the year, how many have people decided?",
                ((_newest("screening_supervision_cases", "run", "figure"), "{{figure}}"),),
            ),
            Panel(
                "Runs of the measures",
                "Since when does nobody know, and how long did the last run take?",
                (
                    (
                        f"time() - {_newest('screening_supervision_last_completed_timestamp_seconds', 'run')}",
                        "{{run}} completed",
                    ),
                    (f"time() - {_newest('screening_supervision_last_run_timestamp_seconds', 'run')}", "{{run}} tried"),
                    (_newest("screening_supervision_duration_seconds", "run"), "{{run}} took"),
                ),
                "s",
            ),
            Panel(
                "Measures completed",
                "Did the last run come to its end (1)?",
                ((_newest("screening_supervision_completed", "run"), "{{run}}"),),
                kind="stat",
            ),
        ),
    },
)

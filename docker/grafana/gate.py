"""The dashboard of the gate."""

from __future__ import annotations

from panels import Board, Panel, quantiles, sum_rate

GATE = Board(
    uid="screening-gate",
    title="Gate",
    description="Claims in, verdicts out: how many, how fast, by which law, and by how fresh a register. 理赔闸口",
    rows={
        "Now": (
            Panel("Ready workers", "How many workers judge?", (("sum(screening_ready)", ""),), kind="stat", width=4),
            Panel("Claims a second", "How much comes out?", (("screening:claims:rate5m", ""),), "cps", "stat", 4),
            Panel(
                "Claims that wait",
                "How far behind are we?",
                (("sum(screening_consumer_lag_records)", ""),),
                kind="stat",
                width=4,
            ),
            Panel(
                "Holding",
                "Does a worker judge nothing because its register is too old?",
                (("sum(screening_held)", ""),),
                kind="stat",
                width=4,
            ),
            Panel(
                "Withheld today",
                "Fund share not paid in 24 hours, rejected and in review",
                (('sum(increase(screening_fund_amount_yuan_total{disposition!="pay",kind="charge"}[24h]))', ""),),
                "currencyCNY",
                "stat",
                4,
            ),
            Panel(
                "Versions",
                "Which packs are in force?",
                (("count by (version, packs) (screening_worker_info)", "{{version}} {{packs}}"),),
                kind="stat",
                width=4,
            ),
        ),
        "Verdicts": (
            Panel(
                "By disposition",
                "Paid, rejected, in review",
                ((sum_rate("screening_claims_total", "disposition"), "{{disposition}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Grounds of what is not paid",
                "Why",
                ((sum_rate('screening_claims_total{disposition!="pay"}', "reason"), "{{reason}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Share rejected, by region",
                "Is a region out of its band?",
                (("region:screening_reject_ratio:rate30m", "{{region}}"),),
                "percentunit",
            ),
            Panel(
                "Fund share a second",
                "Money by disposition, reversals (冲正) apart",
                ((sum_rate("screening_fund_amount_yuan_total", "disposition", "kind"), "{{disposition}} {{kind}}"),),
                "currencyCNY",
            ),
            Panel(
                "Exemptions",
                "Claims paid because of an exemption, by the ground that it lifted",
                ((sum_rate("screening_exempted_claims_total", "ground", "reason"), "{{ground}}: {{reason}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Institutions that live on exemptions",
                "Share of an institution's claims paid by exemption, the ten highest",
                (("topk(10, institution:screening_exempted_ratio:rate6h)", "{{institution}}"),),
                "percentunit",
            ),
            Panel(
                "Judged by a pack past the national transition",
                "Services of days after it, in a day, by pack: a successor is due",
                (("sum by (pack) (increase(screening_claims_past_transition_total[24h])) or vector(0)", "{{pack}}"),),
            ),
            Panel(
                "People of whom the register knows nothing",
                "Named on the lines of claims that would be paid: nurses, local staff numbers; they change nothing",
                ((sum_rate("screening_unknown_people_total"), "people"),),
                "cps",
            ),
            Panel("Cases opened", "Work for people", ((sum_rate("screening_cases_total"), "cases"),), "cps"),
            Panel(
                "Dead letters",
                "Records that are no claims, by error",
                ((sum_rate("screening_dead_letters_total", "error"), "{{error}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Physician codes",
                "Share in the national form (data quality, never a ground)",
                (
                    (
                        'sum(rate(screening_physician_codes_total{form="national"}[30m]))'
                        " / sum(rate(screening_physician_codes_total[30m]))",
                        "national form",
                    ),
                ),
                "percentunit",
            ),
        ),
        "Is the register as new as the claim?": (
            Panel(
                "Events that the ledger has still to take",
                "Recorded, and not yet in the standings, as the gate last asked",
                (("max by (instance) (screening_ledger_behind_events)", "{{instance}}"),),
            ),
            Panel(
                "Claims that wait for the register",
                "Read and not judged, by cause",
                (("sum by (cause) (screening_waiting_for_register_records) or vector(0)", "{{cause}}"),),
                kind="stacked",
            ),
            Panel(
                "How long batches wait",
                "Until the register holds what was recorded before they came, less the lag allowed",
                quantiles("screening_register_wait_seconds"),
                "s",
            ),
            Panel(
                "Behind an open transaction",
                "Claims that nobody can read because somebody's transaction before them is open",
                (("max by (partition) (screening_claims_behind_open_transaction_records)", "{{partition}}"),),
            ),
            Panel(
                "Expired unread",
                "Claims that retention deleted before anybody judged them, in a day",
                (
                    (
                        "sum by (partition) (increase(screening_claims_expired_unread_total[24h])) or vector(0)",
                        "{{partition}}",
                    ),
                ),
            ),
        ),
        "Speed": (
            Panel(
                "Latency",
                "From a claim's Kafka timestamp to the commit of its verdict",
                quantiles("screening_latency_seconds"),
                "s",
            ),
            Panel("Judging a batch", "Decode, gather, decide, encode", quantiles("screening_judge_seconds"), "s"),
            Panel("Committing a batch", "One transaction", quantiles("screening_commit_seconds"), "s"),
            Panel("Batch size", "Claims in a transaction", quantiles("screening_batch_claims")),
            Panel(
                "Lag by partition",
                "Does one partition stand still?",
                (("sum by (partition) (screening_consumer_lag_records)", "{{partition}}"),),
            ),
            Panel("Partitions owned", "Is the work shared?", (("screening_partitions_owned", "{{instance}}"),)),
            Panel(
                "Transactions",
                "Committed, and rolled back by cause",
                (
                    (sum_rate("screening_transactions_committed_total"), "committed"),
                    (sum_rate("screening_transactions_aborted_total", "cause"), "{{cause}}"),
                ),
                "ops",
            ),
        ),
        "Register": (
            Panel(
                "Age of the view",
                "How old may the register be that claims are judged by?",
                (("screening_standing_staleness_seconds", "{{instance}}"),),
                "s",
            ),
            Panel(
                "Physicians and institutions known",
                "Did standings get lost?",
                (
                    ("screening_standing_physicians", "physicians {{instance}}"),
                    ("screening_standing_institutions", "institutions {{instance}}"),
                    ("screening_standing_subjects", "suspended {{owner}} {{instance}}"),
                ),
            ),
            Panel(
                "Standings applied",
                "Updates, tombstones, unreadable records",
                ((sum_rate("screening_standing_updates_total", "effect"), "{{effect}}"),),
                "ops",
            ),
            Panel("Highest revision", "Does the ledger move?", (("max(screening_standing_revision)", "revision"),)),
        ),
    },
)

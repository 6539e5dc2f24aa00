"""The tables of the desk. Those of `FOLLOWING` are rows of topics and can be made again; accounts and sessions are its own.

Times are RFC 3339 in UTC as text, which sorts; money is in fen (分), so that every database sums it exactly.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()
CODE = 256
"""Longest code or identifier (`topics.fields.MAX_IDENTIFIER`)."""

NO_DAY = dt.date(9999, 12, 31)
"""The day by which nothing is owed: it sorts last."""

CASES = Table(
    "cases",
    METADATA,
    Column("case_id", String(CODE), primary_key=True),
    Column("area", String(6), nullable=False),
    Column("institution", String(CODE), nullable=False),
    Column("physician", String(CODE)),
    Column("claim_id", String(CODE), nullable=False),
    Column("service_date", Date, nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("disposition", String(32), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("fund_fen", BigInteger, nullable=False),
    Column("state", String(32), nullable=False),
    Column("assignee", String(CODE)),
    Column("revision", Integer, nullable=False),
    Column("work_by", Date, nullable=False),
    Column("file", Text, nullable=False),
    Index("cases_inbox", "area", "work_by", "case_id"),
    Index("cases_institution", "area", "institution", "work_by", "case_id"),
    Index("cases_physician", "area", "physician", "work_by", "case_id"),
    Index("cases_reason", "area", "reason", "work_by", "case_id"),
    Index("cases_assignee", "area", "assignee", "work_by", "case_id"),
)
"""Cases; `work_by` is the last working day for whoever works on it, `NO_DAY` where nothing is to be done."""

STANDINGS = Table(
    "standings",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("area", String(6), primary_key=True),
    Column("code", String(CODE), primary_key=True),
    Column("record", Text, nullable=False),
)
STAFF = Table(
    "staff",
    METADATA,
    Column("area", String(6), primary_key=True),
    Column("institution", String(CODE), primary_key=True),
    Column("physician", String(CODE), primary_key=True),
    Column("until", Date, nullable=False),
)
"""Which institutions have declared a physician, and until when; `NO_DAY` without an end."""

DOSSIERS = Table(
    "dossiers",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("area", String(6), primary_key=True),
    Column("code", String(CODE), primary_key=True),
    Column("record", Text, nullable=False),
)
NOTICES = Table(
    "notices",
    METADATA,
    Column("notice_id", String(CODE), primary_key=True),
    Column("area", String(6), nullable=False),
    Column("physician", String(CODE)),
    Column("institution", String(CODE)),
    Column("due_on", Date, nullable=False),
    Column("record", Text, nullable=False),
    Index("notices_physician", "area", "physician"),
    Index("notices_institution", "area", "institution"),
)
"""Notices that stand; one that is withdrawn has no row."""

PROGRESS = Table(
    "progress",
    METADATA,
    Column("topic", String(CODE), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("topic_id", String(64), nullable=False),
    Column("next_offset", BigInteger, nullable=False),
)
"""How far the rows are, written in one transaction with them. `topic_id` is empty where the brokers tell none."""

FOLLOWING = (CASES, STANDINGS, STAFF, DOSSIERS, NOTICES, PROGRESS)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("areas", String(1024), nullable=False),
    Column("institution", String(CODE)),
    Column("physician", String(CODE)),
    Column("password", String(256), nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("ended_at", String(32)),
)
"""Who may come in. `areas` are division codes with blanks between, `password` is its argon2 hash."""

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("began_at", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
    Index("sessions_account", "account"),
)
"""Who is in. The token itself is only in the browser."""

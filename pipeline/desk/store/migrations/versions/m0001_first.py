"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_CODE = sa.String(256)


def _text(name: str, kind: sa.types.TypeEngine[str], *, key: bool = False, empty: bool = False) -> sa.Column[str]:
    return sa.Column(name, kind, primary_key=key, nullable=empty)


def upgrade() -> None:
    """Makes every table of the first version."""
    op.create_table(
        "cases",
        _text("case_id", _CODE, key=True),
        _text("area", sa.String(6)),
        _text("institution", _CODE),
        _text("physician", _CODE, empty=True),
        _text("claim_id", _CODE),
        sa.Column("service_date", sa.Date, nullable=False),
        _text("opened_at", sa.String(32)),
        _text("disposition", sa.String(32)),
        _text("reason", sa.String(64)),
        sa.Column("fund_fen", sa.BigInteger, nullable=False),
        _text("state", sa.String(32)),
        _text("assignee", _CODE, empty=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("work_by", sa.Date, nullable=False),
        _text("file", sa.Text()),
    )
    op.create_index("cases_inbox", "cases", ["area", "work_by", "case_id"])
    for name in ("institution", "physician", "reason", "assignee"):
        op.create_index(f"cases_{name}", "cases", ["area", name, "work_by", "case_id"])
    for name in ("standings", "dossiers"):
        op.create_table(
            name,
            _text("kind", sa.String(16), key=True),
            _text("area", sa.String(6), key=True),
            _text("code", _CODE, key=True),
            _text("record", sa.Text()),
        )
    op.create_table(
        "staff",
        _text("area", sa.String(6), key=True),
        _text("institution", _CODE, key=True),
        _text("physician", _CODE, key=True),
        sa.Column("until", sa.Date, nullable=False),
    )
    op.create_table(
        "notices",
        _text("notice_id", _CODE, key=True),
        _text("area", sa.String(6)),
        _text("physician", _CODE, empty=True),
        _text("institution", _CODE, empty=True),
        sa.Column("due_on", sa.Date, nullable=False),
        _text("record", sa.Text()),
    )
    for name in ("physician", "institution"):
        op.create_index(f"notices_{name}", "notices", ["area", name])
    op.create_table(
        "progress",
        _text("topic", _CODE, key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        _text("topic_id", sa.String(64)),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "accounts",
        _text("name", sa.String(64), key=True),
        _text("role", sa.String(16)),
        _text("areas", sa.String(1024)),
        _text("institution", _CODE, empty=True),
        _text("physician", _CODE, empty=True),
        _text("password", sa.String(256)),
        _text("made_at", sa.String(32)),
        _text("ended_at", sa.String(32), empty=True),
    )
    op.create_table(
        "sessions",
        _text("token_sha256", sa.String(64), key=True),
        _text("account", sa.String(64)),
        _text("csrf", sa.String(64)),
        _text("began_at", sa.String(32)),
        _text("seen_at", sa.String(32)),
    )
    op.create_index("sessions_account", "sessions", ["account"])

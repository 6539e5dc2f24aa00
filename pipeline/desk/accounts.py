"""Local accounts and who is logged in. Passwords are argon2 hashes, sessions are known by the hash of their token."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, Row, delete, insert, select, update

from pipeline.desk.rights import Account, Role
from pipeline.desk.store.tables import ACCOUNTS, SESSIONS
from topics.fields import REGION_PATTERN, utc_text
from topics.normalisation import normal_code

LEAST_PASSWORD = 12
MOST_PASSWORD = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LONGEST = dt.timedelta(hours=12)
_SEEN_EVERY = dt.timedelta(seconds=30)


class AccountError(ValueError):
    """An account cannot be made or changed so; the message says why."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in; `csrf` has to come with every form."""

    account: Account
    csrf: str
    token_sha256: str


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Accounts:
    """The accounts and sessions of a database."""

    def __init__(self, engine: Engine, idle_minutes: int = 30, now: Callable[[], dt.datetime] = _now) -> None:
        self._engine, self._now = engine, now
        self._idle = dt.timedelta(minutes=idle_minutes)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    # -- accounts -----------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        password: str,
        role: Role,
        areas: list[str],
        institution: str | None = None,
        physician: str | None = None,
    ) -> None:
        """Makes an account. Raises AccountError."""
        if not _NAME.fullmatch(name):
            raise AccountError(f"{name!r}: a name has small letters, digits, dots and dashes, at most 63 of them")
        wrong = [area for area in areas if not re.fullmatch(REGION_PATTERN, area, re.ASCII)]
        if not areas or wrong:
            raise AccountError(
                f"expected the codes of pooling areas, six digits each, found {' '.join(wrong) or 'none'}"
            )
        if (role is Role.INSTITUTION) != (institution is not None):
            raise AccountError("the code of an institution goes with the role institution, and with no other")
        if (role is Role.PHYSICIAN) != (physician is not None):
            raise AccountError("the code of a physician goes with the role physician, and with no other")
        row = {
            "name": name,
            "role": str(role),
            "areas": " ".join(sorted(set(areas))),
            "institution": institution and normal_code(institution),
            "physician": physician and normal_code(physician),
            "password": self._hashed(password),
            "made_at": utc_text(self._now()),
        }
        with self._engine.begin() as connection:
            if connection.execute(select(ACCOUNTS.c.name).where(ACCOUNTS.c.name == name)).first():
                raise AccountError(
                    f"there is an account {name} already; names are not given twice, because the journal knows them"
                )
            connection.execute(insert(ACCOUNTS).values(row))

    def set_password(self, name: str, password: str) -> None:
        """Gives an account another password and ends its sessions. Raises AccountError."""
        self._change(name, password=self._hashed(password))

    def end(self, name: str) -> None:
        """Ends an account for good, and its sessions with it. Raises AccountError."""
        self._change(name, ended_at=utc_text(self._now()))

    def _change(self, name: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            if not connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(values)).rowcount:
                raise AccountError(
                    f"there is no account {name}; `screening desk account list` tells those that there are"
                )
            connection.execute(delete(SESSIONS).where(SESSIONS.c.account == name))

    def listed(self) -> list[dict[str, Any]]:
        """Every account without its password, by name."""
        shown = [column for column in ACCOUNTS.columns if column.name != "password"]
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(*shown).order_by(ACCOUNTS.c.name))]

    def reviewers(self, area: str) -> list[str]:
        """The names of those who may work on cases of an area."""
        found = select(ACCOUNTS.c.name, ACCOUNTS.c.areas).where(
            ACCOUNTS.c.ended_at.is_(None), ACCOUNTS.c.role.in_([Role.REVIEWER, Role.SUPERVISOR])
        )
        with self._engine.connect() as connection:
            rows = connection.execute(found.order_by(ACCOUNTS.c.name)).all()
        return [row.name for row in rows if area in row.areas.split()]

    def _hashed(self, password: str) -> str:
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise AccountError(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters")
        return self._hasher.hash(password)

    # -- sessions -----------------------------------------------------------------------------------------------

    def known(self, name: str) -> Account | None:
        """The account of a name that may log in, its password aside."""
        row = self._row(name)
        return None if row is None else _account(row)

    def log_in(self, name: str, password: str) -> tuple[str, Session] | None:
        """A new session and its token; None for a wrong name or password. Both take the same time."""
        row = self._row(name)
        try:
            self._hasher.verify(self._nobody if row is None else row.password, password[:MOST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        if row is None:
            return None
        token, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), utc_text(self._now())
        hashed = _sha256(token)
        with self._engine.begin() as connection:
            oldest = utc_text(self._now() - _LONGEST)
            connection.execute(delete(SESSIONS).where(SESSIONS.c.began_at < oldest))
            told = {"token_sha256": hashed, "account": name, "csrf": csrf, "began_at": now, "seen_at": now}
            connection.execute(insert(SESSIONS).values(told))
            if self._hasher.check_needs_rehash(row.password):
                again = self._hasher.hash(password)
                connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(password=again))
        return token, Session(_account(row), csrf, hashed)

    def session(self, token: str) -> Session | None:
        """Who carries this token; None: nobody, or somebody who has been idle, or in, for too long."""
        if not token:
            return None
        hashed, now = _sha256(token), self._now()
        asked = (
            select(ACCOUNTS, SESSIONS.c.csrf, SESSIONS.c.seen_at, SESSIONS.c.began_at)
            .join(ACCOUNTS, ACCOUNTS.c.name == SESSIONS.c.account)
            .where(SESSIONS.c.token_sha256 == hashed, ACCOUNTS.c.ended_at.is_(None))
        )
        with self._engine.connect() as connection:
            row = connection.execute(asked).first()
        if row is None or row.seen_at < utc_text(now - self._idle) or row.began_at < utc_text(now - _LONGEST):
            return None
        if row.seen_at < utc_text(now - _SEEN_EVERY):
            with self._engine.begin() as connection:
                connection.execute(
                    update(SESSIONS).where(SESSIONS.c.token_sha256 == hashed).values(seen_at=utc_text(now))
                )
        return Session(_account(row), row.csrf, hashed)

    def log_out(self, session: Session) -> None:
        """Ends a session."""
        with self._engine.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token_sha256 == session.token_sha256))

    def _row(self, name: str) -> Row[Any] | None:
        with self._engine.connect() as connection:
            return connection.execute(
                select(ACCOUNTS).where(ACCOUNTS.c.name == name, ACCOUNTS.c.ended_at.is_(None))
            ).first()


def _account(row: Row[Any]) -> Account:
    return Account(row.name, Role(row.role), frozenset(row.areas.split()), row.institution, row.physician)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

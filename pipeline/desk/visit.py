"""A request on its way through the desk, and what a page answers it with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.desk.accounts import Session
from pipeline.desk.journal import Entry
from pipeline.desk.rights import WORK, Account
from rules.text import Lang, Pair


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is logged in. `path` are the parameters of the route, `at` is the time of the request."""

    session: Session
    lang: Lang
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: dict[str, str]
    at: dt.datetime
    today: dt.date
    """The day in China."""

    @property
    def account(self) -> Account:
        """Who asks."""
        return self.session.account

    def entry(self, act: str, what: str, ids: tuple[str, ...] = (), **more: Any) -> Entry:
        """An entry of the journal about this visit."""
        return Entry(self.account.name, str(self.account.role), act, what, WORK[self.account.role], ids, **more)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its template, what is put into it, and what the journal says before anybody sees it."""

    template: str
    values: dict[str, Any]
    entry: Entry
    refresh_s: int | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """A file to keep."""

    name: str
    text: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Moved:
    """Another page that answers."""

    to: str
    cookies: Mapping[str, str | None] = field(default_factory=dict)


class Refused(Exception):
    """A request is not answered with what it asked for: a status and a sentence in both languages."""

    def __init__(self, status: int, told: Pair) -> None:
        self.status, self.told = status, told
        super().__init__(told[1])


NOT_FOUND: Pair = ("没有这一页，或者不在您的权限之内。", "There is no such page, or it is not among what you may see.")


def not_found() -> Refused:
    """The one answer for what is not there and for what is somebody else's: the difference would tell."""
    return Refused(404, NOT_FOUND)

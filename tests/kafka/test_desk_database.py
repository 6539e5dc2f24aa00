"""The desk's database: SQLite and a real PostgreSQL give the same answers, and both are what their migrations make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from pipeline.desk.rights import Account, Role
from pipeline.desk.store.database import DatabaseError, open_database, upgrade
from pipeline.desk.store.reading import AT_ONCE, Books, Place, Wanted
from pipeline.desk.store.tables import METADATA
from tests.support.desks import AREA, INSTITUTION, OTHER_AREA, PASSWORD, PHYSICIAN, Office, taken
from tests.support.postgres import Postgres, postgres

TODAY = dt.date(2026, 11, 28)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    more = {} if request.param == "sqlite" else {"desk_database_url": request.getfixturevalue("server").database()}
    made = Office(tmp_path, **more)
    assert made.engine.dialect.name == request.param
    yield made
    made.close()


def test_the_migrations_make_the_tables_that_the_pages_read(office: Office) -> None:
    with office.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    upgrade(office.engine)


def test_a_database_of_a_later_version_is_refused_and_left_as_it_is(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(DatabaseError, match="later version"):
        open_database(office.settings)


def test_cases_are_found_filtered_and_paged_alike_on_either_database(office: Office) -> None:
    for number in range(AT_ONCE + 10):
        office.put_case(
            f"c{number:03}",
            opened_at=f"2026-{1 + number % 9:02}-05T01:00:00Z",
            fund_amount=f"{number}.50",
            claim_id=f"a\0{number}",
        )
    office.put_case("done", taken(1, "assign"), taken(2, "uphold"))
    office.put_case("foreign", area=OTHER_AREA, region=OTHER_AREA)
    office.put_case("c000", opened_at="2026-01-05T01:00:00Z", fund_amount="0.50")
    books, account = Books(office.engine), Account("li.na", Role.REVIEWER, frozenset({AREA}))
    first = books.inbox(account, Wanted(), TODAY)
    assert len(first) == AT_ONCE + 1
    last = first[AT_ONCE - 1]
    second = books.inbox(account, Wanted(), TODAY, Place(last.work_by, last.case_id))
    found = [row.case_id for row in (*first[:AT_ONCE], *second)]
    assert found == sorted(found, key=lambda name: (int(name[1:]) % 9, name))
    assert len(found) == AT_ONCE + 10
    assert books.counted(account, Wanted(), TODAY) == (
        AT_ONCE + 10,
        sum(number * 100 + 50 for number in range(AT_ONCE + 10)),
    )
    assert [row.case_id for row in books.inbox(account, Wanted(show="decided"), TODAY)] == ["done"]
    assert books.counted(account, Wanted(least_fen=50_50), TODAY)[0] == 10
    since = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    assert books.counted(account, Wanted(opened_before=since), TODAY)[0] == 7
    assert len(list(books.exported(account, Wanted(show="all"), TODAY))) == AT_ONCE + 11
    assert books.case(account, "foreign") is None


def test_people_log_in_and_see_their_pages_on_either_database(office: Office) -> None:
    office.staffed()
    office.put_case("own", physician_code=PHYSICIAN)
    office.put_physician(AREA, PHYSICIAN, INSTITUTION)
    visitor = office.visitor("supervisor")
    for path in (
        "/inbox",
        "/inbox.csv",
        "/cases/own",
        f"/people/{AREA}/{PHYSICIAN}",
        f"/institutions/{AREA}/{INSTITUTION}",
    ):
        assert visitor.http.get(path).status_code == 200, path
    assert visitor.act("own", "assign", assignee="supervisor").status_code == 303
    office.accounts.set_password("supervisor", PASSWORD[::-1])
    assert visitor.http.get("/inbox").status_code == 303

"""Messages of the national interface as an integrator sends them: a visit, its fee lines, its settlements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.intake.batch import Taken

HOSPITAL, VISIT = "H52270100001", "522701G0000000000001"
DOCTOR, OTHER = "D522701000001", "D522701000002"
Row = dict[str, Any]


def message(
    infno: Any, given: Row, answered: Row | None = None, *, at: str = "2024-03-14 09:00:00", **head: Any
) -> Row:
    """A request and, where something is answered, its response in one object."""
    request = {
        "infno": infno, "msgid": HOSPITAL + at.translate({ord(mark): None for mark in "-: "}) + "0001",
        "mdtrtarea_admvs": "522701", "inf_time": at, "fixmedins_code": HOSPITAL, "input": given,
    }  # fmt: skip
    response = {} if answered is None else {"infcode": 0, "output": answered}
    return {name: value for name, value in {**request, **response, **head}.items() if value is not None}


def visit(doctor: str | None = DOCTOR, **head: Any) -> Row:
    told = {
        "psn_no": "P1",
        "insutype": "390",
        "begntime": "2024-03-14 08:30:00",
        "atddr_no": doctor,
        "dept_code": "A02",
    }
    return message("2201", {"data": told}, {"data": {"mdtrt_id": VISIT}}, at="2024-03-14 08:30:00", **head)


def lines(*rows: Row, **head: Any) -> Row:
    common = {"mdtrt_id": VISIT, "psn_no": "P1", "fee_ocur_time": "2024-03-14 08:50:00", "med_list_codg": "X1"}
    whole = {"cnt": 2, "pric": 10, "det_item_fee_sumamt": 20, "bilg_dr_codg": OTHER}
    told = [{**common, **whole, "feedetl_sn": f"L{number}", **row} for number, row in enumerate(rows, 1)]
    return message("2204", {"feedetail": told}, at="2024-03-14 08:55:00", **head)


def row(**fields: Any) -> Row:
    return {
        "setl_id": "S1", "mdtrt_id": VISIT, "psn_no": "P1", "insutype": 390, "med_type": 11, "setl_time": "2024-03-14 09:00:00",
        "medfee_sumamt": 100, "fund_pay_sumamt": "70.00", **fields,
    }  # fmt: skip


def settled(at: str = "2024-03-14 09:00:00", infno: Any = 2207, **fields: Any) -> Row:
    return message(infno, {"data": {"mdtrt_id": VISIT}}, {"setlinfo": row(**fields)}, at=at)


def asked(at: str, **fields: Any) -> Row:
    return settled(at, "5203", **fields)


def read(path: Path) -> list[Row]:
    """The claims of a file, none where there is no file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def accounted(taken: Taken) -> int:
    """Lines and further rows of files, as the parts of their summary add up."""
    told = taken.visits + taken.fee_lines + taken.settlements + taken.joined + taken.answers + taken.failed
    return taken.blank + taken.continued + told + sum(taken.passed.values()) + taken.set_aside_rows

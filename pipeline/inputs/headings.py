"""Plain Chinese headings and words of exports (中文表头), by the field of a claim that they mean.

The names are those that the national interface gives its fields, with the forms in which hospitals and centres write them. Only a
proposed mapping is made from them, which a person finishes; a shipped mapping names its columns itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

HEADINGS: dict[str, tuple[str, ...]] = {
    "claim_id": ("结算ID", "结算编号", "结算单号", "结算流水号", "结算单编号", "结算号"),
    "region": ("就医地医保区划", "就医地行政区划", "就医地区划", "医疗机构医保区划", "定点医药机构医保区划", "就医地"),
    "insured_region": ("参保地医保区划", "参保所属医保区划", "参保地行政区划", "参保地区划", "参保地"),
    "institution_code": (
        "定点医药机构编号", "定点医药机构编码", "定点医药机构代码", "定点医疗机构编码", "定点医疗机构代码", "定点医疗机构编号",
        "医疗机构编码", "医疗机构代码", "医疗机构编号", "机构编码", "机构代码", "医院编码", "医院代码",
    ),
    "physician_code": (
        "主诊医师代码", "主诊医师编码", "主诊医师编号", "责任医师编码", "责任医师代码",
        "接诊医师编码", "接诊医师代码", "医师代码", "医师编码", "医师编号", "医保医师代码", "医保医师编码",
        "医师国家编码", "医生编码", "医生代码", "开单医师编码", "开单医师代码", "开单医生编码",
    ),
    "encounter_type": ("医疗类别", "就诊类别", "就诊类型", "就医类别", "就医方式"),
    "service_date": ("就诊日期", "诊疗日期", "服务日期", "结束日期", "出院日期", "离院日期"),
    "service_start": ("开始日期", "入院日期"),
    "settlement_time": ("结算时间", "结算日期时间", "结算日期"),
    "insured_id": ("人员编号", "参保人编号", "参保人员编号", "个人编号"),
    "insurance_type": ("险种类型", "险种", "参保类型", "医保类型"),
    "total_amount": ("医疗费总额", "医疗费用总额", "医疗总费用", "费用总额", "总费用", "总金额"),
    "fund_amount": (
        "基金支付总额", "基金支付金额", "医保基金支付", "医保基金支付金额", "统筹基金支付", "统筹支付金额", "基金支付",
    ),
    "department": ("就诊科室", "科室编码", "科室代码", "科室名称", "科室"),
}  # fmt: skip
"""In order of preference; whoever is responsible for the visit before whoever ordered something in it."""

WORDS: dict[str, dict[str, str]] = {
    "encounter_type": {
        "门诊": "outpatient", "普通门诊": "outpatient", "门诊慢特病": "outpatient", "住院": "inpatient", "普通住院": "inpatient",
        "急诊": "emergency", "抢救": "rescue", "急诊抢救": "rescue",
        "生育": "maternity", "生育门诊": "maternity", "生育住院": "maternity",
        "定点药店购药": "pharmacy", "药店购药": "pharmacy",
    },
    "insurance_type": {
        "职工": "employee", "职工医保": "employee", "职工基本医疗保险": "employee", "城镇职工基本医疗保险": "employee",
        "居民": "resident", "居民医保": "resident", "城乡居民医保": "resident", "城乡居民基本医疗保险": "resident",
    },
}  # fmt: skip
"""What codes are in words."""


class Headings(Collection[str]):
    """Names of columns as somebody would know them again: without blanks, in half-width signs, without a unit behind them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(map(plain_heading, names))

    def __contains__(self, column: object) -> bool:
        return isinstance(column, str) and plain_heading(column) in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


_UNIT = re.compile(r"\((元|人民币|分)\)$")


def in_fen(column: str) -> bool:
    """Whether a column's name says that its amounts are in fen."""
    found = _UNIT.search("".join(unicodedata.normalize("NFKC", column).split()))
    return found is not None and found[1] == "分"


def plain_heading(column: str) -> str:
    """A column's name without blanks, in half-width signs, without the unit behind it."""
    return _UNIT.sub("", "".join(unicodedata.normalize("NFKC", column).split())).casefold()

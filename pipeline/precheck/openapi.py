"""What /openapi.json says beside the paths: the schemas of requests and answers, and examples in both languages."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic.json_schema import models_json_schema

from pipeline.precheck.answers import ClaimAnswer
from pipeline.precheck.api import ClaimsBody, RefusedClaim, StandingBody
from pipeline.precheck.national import NationalAnswer
from pipeline.precheck.problems import KINDS, MEDIA_TYPE
from pipeline.precheck.shapes import ProblemBody, RegisterTold
from topics.messages.claims import Claim
from topics.messages.verdicts import Verdict

_REF = "#/components/schemas/{}"

CLAIM: dict[str, Any] = {
    "claim_id": "C0001",
    "region": "522700",
    "institution_code": "H52270100001",
    "physician_code": "D522701000001",
    "encounter_type": "outpatient",
    "service_date": "2023-06-10",
    "settlement_time": "2023-06-10T09:30:00+08:00",
    "insured_id": "P1",
    "insurance_type": "resident",
    "total_amount": "123.40",
    "fund_amount": "98.70",
}
_REGISTER = {"as_of": "2023-06-10T01:30:00.120Z", "progress": {"0": 17, "1": 4, "2": 9}, "current": True}
_VERDICT = {
    "claim_id": "C0001",
    "claim_version": 1,
    "region": "522700",
    "institution_code": "H52270100001",
    "physician_code": "D522701000001",
    "encounter_type": "outpatient",
    "service_date": "2023-06-10",
    "fund_amount": "98.70",
    "disposition": "reject",
    "reason": "in_penalty_period",
    "exempted_ground": None,
    "cost_bearer": "institution",
    "standing": "penalty",
    "penalty_period": ["2023-05-11", "2023-08-10"],
    "rule_pack": "qiannan-2022@1",
    "citations": ["三(二)2"],
    "standing_revision": 7,
    "source": {"topic": "precheck", "partition": 0, "offset": 0},
    "screened_at": "2023-06-10T01:30:00.151Z",
}
_SAID = {
    "zh": (
        "2023-06-10门诊服务，医师D522701000001，机构H52270100001：服务日期处于该医师责罚期内（2023-05-11至2023-08-10）。"
        "不予结算，由机构承担。",
        {
            "actor": "定点医疗机构",
            "act": "责罚期满，组织培训考核，合格的书面申请恢复资格并附证明",
            "citation": "三(二)5",
            "from": "2023-08-11",
        },
    ),
    "en": (
        "Outpatient service of 2023-06-10, physician D522701000001, institution H52270100001: the service date lies in the "
        "physician's penalty period (2023-05-11 to 2023-08-10). not settled; the institution bears it.",
        {
            "actor": "institution",
            "act": "train and examine the physician, then apply in writing for reinstatement, with proof",
            "citation": "三(二)5",
            "from": "2023-08-11",
        },
    ),
}


def _claims_example(lang: str) -> dict[str, Any]:
    explanation, step = _SAID[lang]
    answer = {
        "verdict": _VERDICT,
        "explanation": explanation,
        "next": [step],
        "case_id": "case-5d1ad3a0b7b54fb6b4b8e0a1",
        "evidence": ["ev-deduction-12"],
    }
    return {"register": _REGISTER, "answers": [answer]}


def _standing_example(lang: str) -> dict[str, Any]:
    explanation, step = _SAID[lang]
    answer = {
        "region": "522700",
        "area": "522700",
        "physician_code": "D522701000001",
        "institution_code": "H52270100001",
        "on": "2023-06-10",
        "may_serve": False,
        "in_emergency": True,
        "disposition": "reject",
        "reason": "in_penalty_period",
        "standing": "penalty",
        "penalty_period": ["2023-05-11", "2023-08-10"],
        "until": "2023-08-10",
        "looked_until": "2024-06-09",
        "rule_pack": "qiannan-2022@1",
        "citations": ["三(二)2"],
        "explanation": explanation,
        "next": [step],
    }
    return {"register": _REGISTER, "answer": answer}


def _in_both(example: Any) -> dict[str, Any]:
    return {name: {"summary": said, "value": example(name)} for name, said in (("zh", "中文"), ("en", "in English"))}


_LANG = [
    {
        "name": "lang",
        "in": "query",
        "description": "Language of what is said to people; it goes before the header. 说明文字的语言，优先于请求头。",
        "schema": {"type": "string", "enum": ["zh", "en"]},
    },
    {
        "name": "Accept-Language",
        "in": "header",
        "description": "Language of what is said to people; Chinese without it.",
        "schema": {"type": "string"},
        "example": "zh-CN",
    },
]


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Responses of an operation that are problem details, by their status."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, (zh, en) = KINDS[kind]
        known = found.get(status, {}).get("description", "")
        told = f"{known}; {en} ({zh})" if known else f"{en} ({zh})"
        found[status] = {
            "description": told,
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format("ProblemBody")}}},
        }
        if status in (429, 503):
            found[status]["headers"] = {
                "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 1}}
            }
    return found


EVERY = ("token_needed", "not_yours", "not_valid", "rate", "queue_full", "failed", "starting", "stopping",
         "register_held", "too_busy")  # fmt: skip
WITH_BODY = (*EVERY, "unreadable", "too_slow", "too_large", "too_many_claims")


def answer(schema: type, example: Any) -> dict[int | str, dict[str, Any]]:
    """The response 200 of an operation."""
    content = {"schema": {"$ref": _REF.format(schema.__name__)}, "examples": _in_both(example)}
    return {200: {"description": "answered (已答复)", "content": {"application/json": content}}}


def precheck_extra() -> dict[str, Any]:
    """What the path of the pre-check says beside its responses."""
    one = {"$ref": _REF.format("Claim")}
    return {
        "parameters": _LANG,
        "security": [{}, {"institution": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 1000}]},
                    "examples": {
                        "one": {"summary": "one claim (单笔)", "value": CLAIM},
                        "several": {"summary": "several (多笔)", "value": [CLAIM, CLAIM | {"claim_id": "C0002"}]},
                    },
                }
            },
        },
    }


def precheck_responses() -> dict[int | str, dict[str, Any]]:
    """Responses of the pre-check."""
    return {**answer(ClaimsBody, _claims_example), **problems(*WITH_BODY)}


def standing_extra() -> dict[str, Any]:
    """What the path of a physician says beside its responses."""
    text = {"type": "string"}
    return {
        "parameters": [
            {"name": "region", "in": "path", "required": True, "example": "522700", "schema": text,
             "description": "Division code of the place of care (行政区划代码), six digits."},
            {"name": "code", "in": "path", "required": True, "example": "D522701000001", "schema": text,
             "description": "Code of the physician (医保医师编码)."},
            {"name": "on", "in": "query", "example": "2023-06-10", "schema": {"type": "string", "format": "date"},
             "description": "The day; today in China without it."},
            {"name": "institution", "in": "query", "example": "H52270100001", "schema": text,
             "description": "Code of the institution; may be left out where the token is of one institution."},
            *_LANG,
        ],
        "security": [{}, {"institution": []}],
    }  # fmt: skip


def standing_responses() -> dict[int | str, dict[str, Any]]:
    """Responses of the path of a physician."""
    return {**answer(StandingBody, _standing_example), **problems(*EVERY)}


_REQUEST = {
    "infno": "3101",
    "msgid": "H52270100001202306100930000001",
    "fixmedins_code": "H52270100001",
    "mdtrtarea_admvs": "522701",
    "input": {
        "data": {
            "syscode": "HIS",
            "task_id": "T1",
            "trig_scen": 2,
            "patient_dtos": {
                "patn_id": "P1",
                "fsi_encounter_dtos": [
                    {
                        "mdtrt_id": "M1",
                        "medins_id": "H52270100001",
                        "medins_admdvs": 522701,
                        "adm_date": "2023-06-10 08:30:00",
                        "dr_codg": "D522701000001",
                        "med_type": 11,
                        "medfee_sumamt": 123.4,
                        "hifp_payamt": "98.70",
                        "insutype": "390",
                        "fsi_order_dtos": [
                            {"rx_id": "R1", "hilist_code": "X1", "sumamt": 20, "drord_dr_codg": "D522701000001"}
                        ],
                    }
                ],
            },
        }
    },
}
_FEEDBACK = {
    "infno": "3103",
    "msgid": "H52270100001202306100931000002",
    "fixmedins_code": "H52270100001",
    "input": {
        "data": {
            "warns": [
                {
                    "warn_type": "1",
                    "warn_rslt_id": "case-5d1ad3a0b7b54fb6b4b8e0a1",
                    "dspo_way": "1",
                    "dspo_way_rea": "急诊抢救，暂无其他在岗医师",
                }
            ]
        }
    },
}


def _national_example(lang: str) -> dict[str, Any]:
    explanation, _ = _SAID[lang]
    detail = {
        "jrd_id": "case-5d1ad3a0b7b54fb6b4b8e0a1-1", "patn_id": "P1", "mdtrt_id": "M1", "rx_id": "R1", "vola_item_type": "1",
        "vola_amt": "20",
    }  # fmt: skip
    finding = {
        "jr_id": "case-5d1ad3a0b7b54fb6b4b8e0a1", "rule_id": "in_penalty_period", "rule_name": "服务日期处于该医师责罚期内",
        "vola_cont": explanation, "patn_id": "P1", "mdtrt_id": "M1", "judge_result_detail_dtos": [detail], "vola_amt": "98.70",
        "vola_amt_stas": "", "sev_deg": "", "vola_evid": "黔南州医保医师管理办法 三(二)2", "vola_bhvr_type": "", "task_id": "T1",
    }  # fmt: skip
    return {
        "infcode": "0", "inf_refmsgid": "H52270100001202306100930000001", "refmsg_time": "20230610093000151", "err_msg": "",
        "output": {"result": [finding]}, "register": _REGISTER,
    }  # fmt: skip


def national_extra(*, named: bool) -> dict[str, Any]:
    """What the paths of the national transactions say beside their responses."""
    number = {
        "name": "infno",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": ["3101", "3102", "3103"]},
    }
    examples = {
        "check": {"summary": "3101, 3102", "value": _REQUEST}, "feedback": {"summary": "3103", "value": _FEEDBACK},
    }  # fmt: skip
    return {
        "parameters": [*([number] if named else []), *_LANG],
        "security": [{}, {"institution": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "examples": examples}},
        },
    }


def national_responses() -> dict[int | str, dict[str, Any]]:
    """Responses of the national transactions, all in the national envelope: infcode 0 is success."""
    found: dict[int | str, dict[str, Any]] = answer(NationalAnswer, _national_example)
    for status, response in problems(*WITH_BODY, "not_recorded").items():
        content = {"application/json": {"schema": {"$ref": _REF.format(NationalAnswer.__name__)}}}
        found[status] = {**response, "content": content}
    return found


def components() -> dict[str, Any]:
    """Schemas of everything named, and how a token is sent."""
    (_, known) = models_json_schema(
        [(Claim, "validation"), (Verdict, "serialization")], ref_template="#/components/schemas/{model}", by_alias=True
    )
    types = [RegisterTold, ClaimAnswer, RefusedClaim, StandingBody, ProblemBody, NationalAnswer]
    _, told = msgspec.json.schema_components(
        types,
        ref_template="#/components/schemas/{name}",
    )
    schemas = {**known["$defs"], **told}
    # msgspec describes no union of two objects without a tag; an answer is told from a refusal by its members.
    either = [{"$ref": _REF.format(one)} for one in ("ClaimAnswer", "RefusedClaim")]
    schemas[ClaimsBody.__name__] = {
        "title": ClaimsBody.__name__,
        "description": ClaimsBody.__doc__,
        "type": "object",
        "properties": {
            "register": {"$ref": _REF.format("RegisterTold")},
            "answers": {"type": "array", "items": {"oneOf": either}},
        },
        "required": ["register", "answers"],
    }
    schemas["ClaimAnswer"]["properties"]["verdict"] = {"$ref": _REF.format("Verdict")}
    return {
        "schemas": schemas,
        "securitySchemes": {
            "institution": {
                "type": "http",
                "scheme": "bearer",
                "description": "The token of an institution (机构令牌).",
            }
        },
    }

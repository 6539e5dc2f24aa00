"""What is wrong with a request, as problem details (RFC 9457): field by field, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from pipeline.precheck.shapes import FieldError, ProblemBody
from rules.text import Lang, Pair, pick
from topics.objects import FieldProblem

MEDIA_TYPE = "application/problem+json"

KINDS: Mapping[str, tuple[int, Pair]] = {
    "unreadable": (400, ("请求内容不是可读的JSON", "the body is no JSON that can be read")),
    "token_needed": (401, ("需要机构令牌", "a token of an institution is needed")),
    "not_yours": (
        403,
        ("只能查询本机构的结算和医师", "only claims and physicians of your own institution can be asked about"),
    ),
    "not_found": (404, ("没有这个地址", "there is no such address")),
    "method": (405, ("此地址不支持该方法", "this address does not take this method")),
    "too_slow": (408, ("请求内容未在时限内送达", "the body did not arrive in time")),
    "too_large": (413, ("请求内容过大", "the body is too large")),
    "too_many_claims": (413, ("一次最多查询1000笔", "at most 1,000 claims can be asked about at once")),
    "not_valid": (422, ("请求内容有误", "the request is not valid")),
    "rate": (429, ("查询过于频繁", "too many claims were asked about")),
    "queue_full": (429, ("系统繁忙", "too much waits already")),
    "failed": (500, ("内部错误", "an error of ours")),
    "starting": (503, ("登记数据尚未读完", "the register is still being read")),
    "stopping": (503, ("服务正在停止", "this process is stopping")),
    "register_held": (
        503,
        ("登记数据不是最新，按设置暂不裁定", "the register is not current, and the policy is to hold"),
    ),
    "not_recorded": (503, ("反馈未能记录", "the feedback could not be recorded")),
    "too_busy": (503, ("未能在时限内裁定", "no answer could be given in time")),
}
"""By kind: the status and the title in both languages."""


class Problem(Exception):
    """A request that is not answered as asked; `kind` is one of KINDS, `retry_after` seconds."""

    def __init__(
        self,
        kind: str,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        retry_after: int | None = None,
    ) -> None:
        self.kind, self.detail, self.errors, self.retry_after = kind, detail, list(errors), retry_after
        self.status = KINDS[kind][0]
        super().__init__(kind)

    def body(self, lang: Lang) -> ProblemBody:
        """What is written."""
        status, title = KINDS[self.kind]
        return ProblemBody(f"urn:screening:problem:{self.kind}", pick(title, lang), status, self.detail, self.errors)

    def response(self, lang: Lang) -> Response:
        """The answer."""
        headers: dict[str, str] = {"Content-Language": lang, "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 408:
            headers["Connection"] = "close"  # what else comes of that body is not waited for
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="screening"'
        return Response(msgspec.json.encode(self.body(lang)), self.status, media_type=MEDIA_TYPE, headers=headers)


def field_errors(found: Iterable[FieldProblem], before: str = "") -> list[FieldError]:
    """Problems of a message as errors; `before` is the pointer to the message in the body."""
    return [FieldError(problem.reason, problem.code.value, before + pointer(problem.place)) for problem in found]


def pointer(place: Iterable[Any]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)

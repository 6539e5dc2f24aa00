"""The published description of the pre-check: a hospital's program that knows nothing else gets along with it, whatever it sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pipeline.precheck import bodies
from pipeline.screening.gate import Gate
from tests.support.prechecks import INSTITUTION, Desk, desk, gate_of_one
from tests.support.spoiled import claim
from tests.support.thorough import examples

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
OPERATIONS = (
    "POST /v1/precheck",
    "GET /v1/physicians/{region}/{code}",
    "POST /v1/national/{infno}",
    "POST /v1/national",
)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return gate_of_one()


@pytest.fixture(scope="module")
def counter(gate: Gate) -> Iterator[Desk]:
    with desk(gate, precheck_claims_per_s=1_000_000) as made:
        yield made


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_sent_the_answer_is_one_that_was_published(counter: Desk, operation: str) -> None:
    every = schemathesis.openapi.from_url(f"{counter.address}/openapi.json").get_all_operations()
    found = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in every}
    assert set(found) == set(OPERATIONS)

    @examples(25)
    @given(case=found[operation].as_strategy())
    def fuzz(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, timeout=60)

    fuzz()


def test_a_hospitals_program_that_knows_the_description_alone_gets_along_with_its_examples(counter: Desk) -> None:
    told = counter.http.get("/openapi.json").json()
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"]["200"]["content"]["application/json"]
            assert set(content["examples"]) == {"zh", "en"}
            if method == "post":
                examples = operation["requestBody"]["content"]["application/json"]["examples"]
                for name, example in examples.items():
                    number = "3103" if name == "feedback" else "3101"
                    answer = counter.http.request(method, path.replace("{infno}", number), json=example["value"])
                    assert answer.status_code == 200, (path, name, answer.text)
                    assert set(answer.json()) == set(content["schema"].get("required", answer.json()))
            else:
                named = {one["name"]: one.get("example") for one in operation["parameters"] if one["in"] == "path"}
                asked = {
                    one["name"]: one["example"]
                    for one in operation["parameters"]
                    if one["in"] == "query" and "example" in one
                }
                answer = counter.http.get(path.format(**named), params=asked)
                assert (answer.status_code, answer.json()["answer"]["institution_code"]) == (200, INSTITUTION)


def test_a_slow_client_costs_nobody_else_and_is_told_after_a_while(
    counter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_WITHIN_S", 0.5)
    host, _, port = counter.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as slow:
        slow.sendall(b"POST /v1/precheck HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        assert counter.http.post("/v1/precheck", content=claim()).status_code == 200
        told = b""
        while part := slow.recv(10_000):  # the server closes a connection whose request was not read to its end
            told += part
    assert told.startswith(b"HTTP/1.1 408")
    assert b"urn:screening:problem:too_slow" in told

"""An institution may show a certificate in place of a token, and sees by it only what is its own."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import trustme

from pipeline.cli.main import main
from tests.support.judging import make_gate
from tests.support.prechecks import AFTER, INSTITUTION, NORMAL, OTHER, PENALTY, Desk, desk, registered, tokens_file
from tests.support.spoiled import claim

Connect = Callable[[trustme.LeafCert | None], httpx.Client]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> dict[str, Path]:
    """Certificate, key and authorities of the process."""
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return {
        "http_cert_file": tmp_path / "cert.pem",
        "http_key_file": tmp_path / "key.pem",
        "precheck_client_ca_file": tmp_path / "authority.pem",
    }


@pytest.fixture
def counter(tmp_path: Path, files: dict[str, Path]) -> Iterator[Desk]:
    gate = make_gate()
    gate.index.put(registered(NORMAL, PENALTY, AFTER))
    tokens_file(tmp_path / "tokens", OTHER)
    with desk(gate, precheck_tokens_file=tmp_path / "tokens", **files) as made:
        yield made


@pytest.fixture
def connect(counter: Desk, authority: trustme.CA) -> Iterator[Connect]:
    opened: list[httpx.Client] = []

    def client(certificate: trustme.LeafCert | None) -> httpx.Client:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        if certificate is not None:
            certificate.configure_cert(context)
        opened.append(httpx.Client(base_url=counter.address, verify=context, trust_env=False))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


def fingerprint(certificate: trustme.LeafCert) -> str:
    """As `openssl x509 -fingerprint -sha256` prints it."""
    text = sha256(ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())).hexdigest().upper()
    return ":".join(text[place : place + 2] for place in range(0, len(text), 2))


def status(client: httpx.Client, institution: str, **headers: str) -> int:
    asked = client.post("/v1/precheck", content=claim(institution_code=institution), headers=headers)
    return asked.status_code


def test_the_institution_of_a_certificate_asks_without_a_token_about_its_own(
    counter: Desk, connect: Connect, authority: trustme.CA
) -> None:
    hospital, stranger = authority.issue_cert("hospital.example"), authority.issue_cert("stranger.example")
    path = counter.settings.precheck_tokens_file
    assert path is not None
    with path.open("a") as kept:
        kept.write(f"{INSTITUTION} certificate-sha256:{fingerprint(hospital)}  # of the hospital's system\n")
    counter.api._tokens._due = 0.0
    known = connect(hospital)
    assert status(known, INSTITUTION) == 200
    assert status(known, OTHER) == 403
    assert status(connect(stranger), INSTITUTION) == 401
    assert status(connect(None), INSTITUTION) == 401
    assert status(known, INSTITUTION, Authorization="Bearer no-token-of-ours") == 401


def test_a_certificate_of_another_authority_is_refused_whoever_it_says_it_is(counter: Desk, connect: Connect) -> None:
    with pytest.raises(httpx.TransportError):
        status(connect(trustme.CA().issue_cert("hospital.example")), INSTITUTION)


def test_authorities_without_tls_or_without_a_file_that_names_institutions_are_told(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCREENING_PRECHECK_CLIENT_CA_FILE", str(files["precheck_client_ca_file"]))
    with pytest.raises(SystemExit) as ended:
        main(["precheck", "--metrics-port", "0"])
    assert ended.value.code == 2
    assert "SCREENING_PRECHECK_TOKENS_FILE" in capsys.readouterr().err

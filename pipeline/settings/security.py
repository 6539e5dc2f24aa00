"""How a process proves who it is to the brokers, and who may look at its pages.

Secrets come from the environment or, better, from files (as Docker and Kubernetes mount them). They are never shown: not in
`repr`, not in logs, not in errors.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings


class Protocol(StrEnum):
    """How brokers are spoken to."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class Mechanism(StrEnum):
    """How a name and a password are proved."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


class Security(BaseSettings):
    """The settings of this kind; part of `Settings`."""

    security_protocol: Annotated[
        Protocol, Field(description="the protocol for the brokers: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    ] = Protocol.PLAINTEXT
    sasl_mechanism: Annotated[
        Mechanism, Field(description="the mechanism of SASL: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN")
    ] = Mechanism.SCRAM_SHA_512
    sasl_username: Annotated[str | None, Field(description="the user name for SASL")] = None
    sasl_password: Annotated[SecretStr | None, Field(description="the password for SASL; a file is safer")] = None
    sasl_password_file: Annotated[Path | None, Field(description="a file that holds the password for SASL")] = None
    ssl_ca_file: Annotated[
        Path | None, Field(description="the certificates (PEM) that sign those of the brokers; by default the system's")
    ] = None
    ssl_cert_file: Annotated[Path | None, Field(description="the client's certificate (PEM), for mutual TLS")] = None
    ssl_key_file: Annotated[Path | None, Field(description="the key of the client's certificate (PEM)")] = None
    ssl_key_password: Annotated[SecretStr | None, Field(description="the password of the key; a file is safer")] = None
    ssl_key_password_file: Annotated[Path | None, Field(description="a file that holds the password of the key")] = None
    http_token: Annotated[
        SecretStr | None,
        Field(description="the token that the pages ask for (Authorization: Bearer ...); a file is safer"),
    ] = None
    http_token_file: Annotated[Path | None, Field(description="a file that holds the token of the pages")] = None
    http_open: Annotated[
        bool, Field(description="whether everybody may see the pages, also where other machines can reach them")
    ] = False

    http_cert_file: Annotated[
        Path | None,
        Field(
            description="the certificate (PEM, with its chain) by which the pages are served over TLS; by default without"
        ),
    ] = None
    http_key_file: Annotated[Path | None, Field(description="the key of that certificate (PEM)")] = None
    precheck_tokens_file: Annotated[
        Path | None,
        Field(
            description="the tokens of the institutions that may ask the pre-check, each as a hash with the codes of its "
            "institutions (`screening precheck --new-token` makes one); read again when it changes. Without it everybody who "
            "reaches the process may ask about all"
        ),
    ] = None
    precheck_client_ca_file: Annotated[
        Path | None,
        Field(
            description="the authorities (PEM) that sign the certificates of institutions: who connects to the pre-check with "
            "such a certificate needs no token where precheck_tokens_file has its line, certificate-sha256:FINGERPRINT"
        ),
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("sasl_password_file", "ssl_ca_file", "ssl_cert_file", "ssl_key_file", "ssl_key_password_file",
                     "http_token_file", "http_cert_file", "http_key_file", "precheck_tokens_file",
                     "precheck_client_ca_file"):  # fmt: skip
            path = getattr(self, name)
            if path is not None:
                _readable(name, path)
        if "SASL" in self.security_protocol and not (self.sasl_username and self.secret("sasl_password")):
            _wrong(
                "sasl_username",
                "{protocol} needs SCREENING_SASL_USERNAME and SCREENING_SASL_PASSWORD_FILE",
                protocol=str(self.security_protocol),
            )
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            _wrong(
                "ssl_key_file", "a certificate and its key belong together: set SCREENING_SSL_CERT_FILE and _KEY_FILE"
            )
        if (self.http_cert_file is None) != (self.http_key_file is None):
            _wrong(
                "http_key_file", "a certificate and its key belong together: set SCREENING_HTTP_CERT_FILE and _KEY_FILE"
            )
        if (self.ssl_ca_file or self.ssl_cert_file) and "SSL" not in self.security_protocol:
            _wrong(
                "security_protocol",
                "certificates are given but {protocol} does not use them; set SSL or SASL_SSL",
                protocol=str(self.security_protocol),
            )
        return self

    def secret(self, name: str) -> str | None:
        """A secret by its setting's name, from its file or from the environment; None when neither is set."""
        path: Path | None = getattr(self, f"{name}_file")
        if path is not None:
            return path.read_text("utf-8").strip() or None
        value: SecretStr | None = getattr(self, name)
        return value.get_secret_value() if value is not None else None

    def http_tls(self) -> tuple[Path, Path] | None:
        """Certificate and key of the pages; None where they are served without TLS."""
        if self.http_cert_file is None or self.http_key_file is None:
            return None
        return self.http_cert_file, self.http_key_file

    def librdkafka(self) -> dict[str, str]:
        """What the confluent client is told."""
        if self.security_protocol is Protocol.PLAINTEXT:
            return {}
        told = {"security.protocol": str(self.security_protocol)}
        if "SASL" in self.security_protocol:
            told |= {
                "sasl.mechanism": str(self.sasl_mechanism),
                "sasl.username": self.sasl_username or "",
                "sasl.password": self.secret("sasl_password") or "",
            }
        files = {
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_cert_file,
            "ssl.key.location": self.ssl_key_file,
        }
        told |= {name: str(path) for name, path in files.items() if path is not None}
        password = self.secret("ssl_key_password")
        return told | ({"ssl.key.password": password} if password else {})


def is_local(host: str) -> bool:
    """Whether an address can only be reached from the same machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _readable(name: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        _wrong(
            name, "SCREENING_{name}: {path}: {reason}", name=name.upper(), path=str(path), reason=str(error.strerror)
        )


def _wrong(setting: str, text: str, **context: Any) -> None:
    raise PydanticCustomError(setting, text, context)

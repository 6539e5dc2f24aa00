"""A Kafka that lets nobody in unproved: TLS, SCRAM, client certificates, and rights for each name."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import trustme
from confluent_kafka.admin import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import serialization

from pipeline.devtools.kafka import LocalKafka
from tests.support.cluster import Cluster

_HOST = "127.0.0.1"

SESSION_S = 4.0
"""So long what a client has proved by its password holds; then the broker closes a connection that does not prove it again."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _pkcs8(key: bytes) -> bytes:
    """The key in the only form that Java reads."""
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class SecuredKafka:
    """One broker with three doors: an open one for whoever sets the stage, SASL_SSL with SCRAM, and SSL with certificates.

    Whoever comes by the open door may do everything; everybody else only what was granted.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        folder.mkdir(parents=True, exist_ok=True)
        self.authority.cert_pem.write_to_path(self.ca_file)
        server = self.authority.issue_cert(_HOST, "localhost")
        keystore = folder / "server.pem"
        keystore.write_bytes(
            _pkcs8(server.private_key_pem.bytes()) + b"".join(blob.bytes() for blob in server.cert_chain_pems)
        )
        self._folder = folder
        scram, certificates = _free_port(), _free_port()
        self.scram_servers, self.certificate_servers = f"{_HOST}:{scram}", f"{_HOST}:{certificates}"
        self.broker = LocalKafka(
            folder / "kafka",
            listeners=(f"SASL_SSL://{self.scram_servers}", f"SSL://{self.certificate_servers}"),
            properties={
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms": str(int(SESSION_S * 1000)),
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "listener.name.ssl.ssl.client.auth": "required",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(keystore),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.ca_file),
                "ssl.principal.mapping.rules": "RULE:^.*OU=([^,]+).*$/$1/,DEFAULT",
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                "allow.everyone.if.no.acl.found": "false",
            },
        )

        self.cluster = Cluster(self.broker)

    def add_user(self, name: str, password: str) -> None:
        """Makes a name known to SCRAM."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        wanted = UserScramCredentialUpsertion(name, info, password.encode())
        for future in self.cluster.admin.alter_user_scram_credentials([wanted]).values():
            future.result(30)

    def by_password(self, name: str, password: str) -> Mapping[str, object]:
        """Settings of a process that proves a name by its password, kept in a file."""
        secret = self._folder / f"{name}.password"
        secret.write_text(f"{password}\n", "utf-8")
        return {
            "bootstrap_servers": self.scram_servers,
            "security_protocol": "SASL_SSL",
            "sasl_username": name,
            "sasl_password_file": secret,
            "ssl_ca_file": self.ca_file,
        }

    def by_certificate(self, name: str) -> Mapping[str, object]:
        """Settings of a process that proves a name by a certificate. The authority writes names into the OU field."""
        issued = self.authority.issue_cert(f"{name}.example.org", common_name=name, organization_unit_name=name)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return {
            "bootstrap_servers": self.certificate_servers,
            "security_protocol": "SSL",
            "ssl_ca_file": self.ca_file,
            "ssl_cert_file": certificate,
            "ssl_key_file": key,
        }

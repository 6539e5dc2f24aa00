"""The security settings in Faust's form; `Security.librdkafka` gives them to librdkafka."""

from __future__ import annotations

import ssl
from typing import Any

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import SASLMechanism

from pipeline.settings.model import Settings


def credentials(settings: Settings) -> Any:
    """What Faust's app is told so that its consumer reaches the brokers as librdkafka does; None for plain connections."""
    protocol = str(settings.security_protocol)
    context = _context(settings) if "SSL" in protocol else None
    if "SASL" in protocol:
        return SASLCredentials(
            username=settings.sasl_username,
            password=settings.secret("sasl_password"),
            mechanism=SASLMechanism(str(settings.sasl_mechanism)),
            ssl_context=context,
        )
    return None if context is None else SSLCredentials(context)


def _context(settings: Settings) -> ssl.SSLContext:
    authorities = None if settings.ssl_ca_file is None else str(settings.ssl_ca_file)
    context = ssl.create_default_context(cafile=authorities)
    if settings.ssl_cert_file is not None:
        context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file, settings.secret("ssl_key_password"))
    return context

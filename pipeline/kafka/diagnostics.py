"""Finds out why the brokers do not answer, and says what to do.

librdkafka reports a wrong password or certificate on the side and lets the call itself run into its time limit, so the cause
has to be asked for.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.settings.model import Settings
from topics.fields import utc_text

_T = TypeVar("_T")

_SOON_S = 3.0
_PATIENCE_S = 12.0
_ASK_FOR_S = 2.0

_ADVICE = {
    KafkaError._AUTHENTICATION: "check SCREENING_SASL_USERNAME, SCREENING_SASL_PASSWORD_FILE and SCREENING_SASL_MECHANISM",
    KafkaError._SSL: "check SCREENING_SSL_CA_FILE, SCREENING_SSL_CERT_FILE and SCREENING_SECURITY_PROTOCOL",
    KafkaError._RESOLVE: "check the names in SCREENING_BOOTSTRAP_SERVERS",
}
"""What to look at, by librdkafka's own codes."""


class ClusterError(RuntimeError):
    """The cluster cannot be asked or did not do as asked; the message says what to check."""


def first_answer(ask: Callable[[float], _T], settings: Settings) -> _T:
    """What `ask` (which takes a time limit in seconds) answers, when this is the first that is asked of the brokers.

    Raises ClusterError with the cause and what to do: within seconds when a password or a certificate is refused.
    """
    try:
        return ask(_SOON_S)
    except KafkaException:
        cause = _cause(settings)
    if cause is not None:
        raise ClusterError(
            f"cannot reach Kafka at {settings.bootstrap_servers}: {cause.str()}; {_ADVICE[cause.code()]}"
        )
    try:
        return ask(_PATIENCE_S)
    except KafkaException as error:
        raise ClusterError(
            f"cannot reach Kafka at {settings.bootstrap_servers}: {error.args[0].str()}; check SCREENING_BOOTSTRAP_SERVERS and "
            "that the brokers run"
        ) from error


def words_of(error: Exception, otherwise: Callable[[Exception], str] = str) -> str:
    """What an error says: the client's own words, or what `otherwise` makes of an error that is not the client's."""
    if not isinstance(error, KafkaException):
        return otherwise(error)
    told: KafkaError = error.args[0]
    return told.str()


_FINAL = {KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL}
"""Errors after which a client does nothing more, and does not call fatal (librdkafka 2.16)."""


def is_final(error: KafkaError) -> bool:
    """Whether the client does nothing more after this error."""
    return error.fatal() or error.code() in _FINAL


CLOCK_REFUSED = "INVALID_TIMESTAMP"
"""The cause of a rollback: the brokers take no record of the time that this host's clock shows."""


def clock_refused() -> str:
    """A sentence for that, with the time that the clock shows now."""
    now = utc_text(dt.datetime.now(dt.UTC))
    return f"this host's clock says {now}, a time that the brokers refuse; put the clock right (NTP)"


def is_denied(error: KafkaError | None) -> bool:
    """Whether the brokers do not show a topic because the right to it is missing."""
    return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def no_topic(name: str, error: KafkaError | None) -> str:
    """A sentence on a topic that the brokers do not show."""
    if is_denied(error):
        return f"no right to topic {name}; `screening topics acls` shows what each role needs"
    return no_topics([name])


def no_topics(names: Sequence[str]) -> str:
    """A sentence on topics that are not there: all of them at once, with the command that creates them."""
    told = f"topic {names[0]} does not exist" if len(names) == 1 else f"topics {', '.join(names)} do not exist"
    return f"{told}; create {'it' if len(names) == 1 else 'them'} with `screening topics apply`"


def _cause(settings: Settings) -> KafkaError | None:
    """What librdkafka says on the side of an attempt to connect, if it is one of the causes that have advice."""
    heard: list[KafkaError] = []
    options: dict[str, Any] = {**settings.client(), "error_cb": heard.append}
    client = AdminClient(options)
    give_up_at = time.monotonic() + _ASK_FOR_S
    while time.monotonic() < give_up_at:
        client.poll(0.1)
        known = [error for error in heard if error.code() in _ADVICE]
        if known:
            return known[0]
        try:
            client.list_topics(timeout=0.5)
        except KafkaException:
            continue
        return None
    return None

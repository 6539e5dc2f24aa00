"""Settings: one typed model, read from the environment with the prefix SCREENING_."""

from __future__ import annotations

import difflib
import os
import re
import secrets
import socket
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from pipeline.settings.security import Security, is_local


class StalenessPolicy(StrEnum):
    """What the gate does while its view of the register is older than allowed."""

    HOLD = "hold"
    REVIEW = "review"
    PROCEED = "proceed"


class StoreKind(StrEnum):
    """Where the control plane keeps its tables."""

    ROCKSDB = "rocksdb"
    MEMORY = "memory"


class LogFormat(StrEnum):
    """How log events are written to standard error."""

    JSON = "json"
    CONSOLE = "console"


_BROKER = re.compile(r"(?:\w+://)?(?:[^\s:,\[\]]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")


def _brokers(value: str) -> str:
    for broker in value.split(","):
        match = _BROKER.fullmatch(broker.strip())
        if match is None or not 0 < int(match[1]) < 65536:
            raise ValueError(f"expected host:port, separated by commas, found {broker.strip()!r}")
    return value


def _as_text(value: Any) -> Any:
    """librdkafka takes its settings as text; JSON may have them as numbers and truth values."""
    if not isinstance(value, dict):
        return value
    return {name: str(item).lower() if isinstance(item, bool) else str(item) for name, item in value.items()}


class Settings(Security):
    """Every setting of every process. The environment variable is SCREENING_ and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SCREENING_", frozen=True, extra="ignore")

    bootstrap_servers: Annotated[
        str, AfterValidator(_brokers), Field(description="the Kafka brokers, as host:port, separated by commas")
    ] = "localhost:9092"
    kafka_config: Annotated[
        dict[str, str],
        BeforeValidator(_as_text),
        Field(repr=False, description="further settings of librdkafka as a JSON object, such as security.protocol"),
    ] = {}  # noqa: RUF012  pydantic copies it
    group_id: Annotated[str, Field(description="the consumer group of the workers", min_length=1)] = "claims-screening"
    instance_id: Annotated[
        str | None,
        Field(
            description="a stable name of this process; a restart under the same name takes over its unfinished "
            "transaction at once. It must be unique among running workers; by default each start has a new name"
        ),
    ] = None
    output_prefix: Annotated[
        str,
        Field(
            description="a prefix for the names of the output topics, for a shadow run beside the real gate; also for the name "
            "of the group unless that is set"
        ),
    ] = ""
    packs_dir: Annotated[Path | None, Field(description="the folder of rule packs; by default those shipped")] = None
    holidays_file: Annotated[
        Path | None,
        Field(
            description="a file of public holidays (in the format of rules/calendars/china.yaml) "
            "whose years are added to those shipped"
        ),
    ] = None
    packs_on: Annotated[
        tuple[str, ...], Field(description="the packs to switch on that are off by default, as a JSON list")
    ] = ()
    metrics_host: Annotated[str, Field(description="the address that the HTTP pages bind to")] = "127.0.0.1"
    metrics_port: Annotated[
        int, Field(ge=0, le=65535, description="the HTTP port of /metrics, /healthz and /readyz; 0 takes a free one")
    ] = 9464
    data_dir: Annotated[Path, Field(description="the folder for what a process keeps on disk")] = (
        Path(tempfile.gettempdir()) / "screening"
    )
    batch_max_claims: Annotated[int, Field(ge=1, le=200_000, description="most claims in one transaction")] = 20_000
    batch_max_wait_ms: Annotated[int, Field(ge=1, le=60_000, description="longest wait for a batch to fill, in ms")] = (
        10
    )
    transaction_timeout_ms: Annotated[
        int,
        Field(ge=1_000, le=900_000, description="the time after which a dead worker's transaction is aborted, in ms"),
    ] = 15_000
    session_timeout_ms: Annotated[
        int, Field(ge=1_000, le=300_000, description="the time after which a silent worker loses its partitions, in ms")
    ] = 6_000
    register_lag_ms: Annotated[
        int,
        Field(
            ge=0,
            le=600_000,
            description="how old, in ms, the register may be when a claim arrives; if it is older, the claim waits. A verdict "
            "that rests on the absence of an entry always waits for a register as new as the claim's arrival",
        ),
    ] = 1_000
    staleness_limit_s: Annotated[
        float, Field(gt=0, description="how old, in seconds, the register may be before staleness_policy applies")
    ] = 60.0
    stall_s: Annotated[
        float,
        Field(
            gt=0,
            description="a worker is not ready when input waits and nothing was committed for this long, in seconds",
        ),
    ] = 60.0
    staleness_policy: Annotated[
        StalenessPolicy,
        Field(
            description="what to do when the register is too old: hold judges nothing, review sends to people what needs "
            "the register, proceed judges anyway"
        ),
    ] = StalenessPolicy.HOLD
    min_standings: Annotated[
        int, Field(ge=0, description="the gate judges nothing until the register holds at least this many physicians")
    ] = 0
    control_group_id: Annotated[
        str, Field(description="the consumer group of the control plane's processes", min_length=1)
    ] = "claims-screening-control"
    control_store: Annotated[
        StoreKind,
        Field(description="rocksdb keeps the tables on disk under data_dir; memory reads them again at every start"),
    ] = StoreKind.ROCKSDB
    control_batch_events: Annotated[int, Field(ge=1, le=20_000, description="most events in one batch")] = 1_000
    control_clock_file: Annotated[
        Path | None,
        Field(
            description="for rehearsals: a file that holds the date and time by which deadlines are judged (RFC 3339 with "
            "offset). By default it is the system's clock, with days in China"
        ),
    ] = None
    intake_group_id: Annotated[
        str, Field(description="the consumer group of the processes that read interface messages", min_length=1)
    ] = "claims-screening-intake"
    intake_batch_messages: Annotated[
        int, Field(ge=1, le=50_000, description="most interface messages in one transaction")
    ] = 2_000
    intake_visit_wait_s: Annotated[
        float,
        Field(
            ge=0,
            description="how long, in seconds, a settlement waits for its visit, and a request for its response; after that the "
            "settlement goes on as one whose visit was not seen, and a visit that comes later makes a further version",
        ),
    ] = 600.0
    intake_keep_days: Annotated[
        int,
        Field(
            ge=1,
            description="for how many days after its last message a visit is known; what is said of it later counts as "
            "said of a new one",
        ),
    ] = 30
    intake_classes_file: Annotated[
        Path | None,
        Field(
            description="your own table of visit classes (med_type), as YAML; where both know a class, it goes before the "
            "shipped one, which alone is used by default"
        ),
    ] = None
    precheck_wait_ms: Annotated[
        int,
        Field(
            ge=0,
            le=60_000,
            description="how long, in ms, a request of the pre-check waits for a register that is new enough; after that "
            "staleness_policy applies",
        ),
    ] = 1_500
    precheck_queue_claims: Annotated[
        int,
        Field(
            ge=1_000, le=1_000_000, description="how many claims may wait in the pre-check; more are answered with 429"
        ),
    ] = 5_000
    precheck_claims_per_s: Annotated[
        int, Field(ge=1, description="how many claims a second one token may ask about, after 1,000 at once")
    ] = 2_000
    precheck_max_body_bytes: Annotated[
        int,
        Field(
            ge=10_000, le=100_000_000, description="the largest body of a request that the pre-check reads, in bytes"
        ),
    ] = 8_000_000
    archive_group_id: Annotated[
        str, Field(description="the consumer group that the archive names; it commits nothing there", min_length=1)
    ] = "claims-screening-archive"
    archive_url: Annotated[
        str | None,
        Field(
            description="where the archive's tables are, as a folder or a URL such as s3://bucket/archive (credentials and "
            "endpoint come from the store's own variables, AWS_ACCESS_KEY_ID and so on); by default the folder archive "
            "under data_dir"
        ),
    ] = None
    archive_batch_records: Annotated[
        int, Field(ge=1, le=1_000_000, description="as many records of a topic are written to its table at once")
    ] = 200_000
    archive_flush_s: Annotated[
        float, Field(gt=0, description="the longest time, in seconds, that a record waits to be archived")
    ] = 60.0
    archive_tidy_s: Annotated[
        float,
        Field(gt=0, description="how often, in seconds, small files of the archive are joined and old ones removed"),
    ] = 3600.0
    archive_keep_hours: Annotated[
        int,
        Field(
            ge=0,
            description="for how many hours a file that was joined into another stays, for readers that opened the table before",
        ),
    ] = 168
    reconcile_group_id: Annotated[
        str,
        Field(
            description="how the transaction of whatever judges claims again is called; only one process at a time writes",
            min_length=1,
        ),
    ] = "claims-screening-reconcile"
    reconcile_look_s: Annotated[
        float,
        Field(gt=0, description="how often, in seconds, a process that looks back asks the archive for new claims"),
    ] = 5.0
    desk_group_id: Annotated[
        str,
        Field(
            description="the consumer group that the desk names, where it commits nothing, and the beginning of the "
            "transactional id of its journal",
            min_length=1,
        ),
    ] = "claims-screening-desk"
    desk_database_url: Annotated[
        SecretStr | None,
        Field(
            description="the database of the desk, such as postgresql+psycopg://desk:PASSWORD@host/desk; by default the SQLite "
            "file desk.sqlite under data_dir"
        ),
    ] = None
    desk_review_days: Annotated[
        int,
        Field(
            ge=1,
            le=250,
            description="within how many working days a case is to be decided; the desk shows what is overdue",
        ),
    ] = 10
    desk_idle_minutes: Annotated[
        int,
        Field(ge=1, le=720, description="after how many minutes without a page a user of the desk has to log in again"),
    ] = 30
    log_format: Annotated[LogFormat, Field(description="the format of the log: json or console")] = LogFormat.JSON
    log_level: Annotated[
        str, Field(pattern="^(debug|info|warning|error)$", description="the least severe level that is logged")
    ] = "info"

    @model_validator(mode="before")
    @classmethod
    def _shadow_has_its_own_group(cls, given: dict[str, Any]) -> dict[str, Any]:
        """In the group of the real gate a shadow would take half of its claims."""
        prefix, group = given.get("output_prefix") or "", cls.model_fields["group_id"].default
        if not prefix:
            return given
        if given.get("group_id") == group:
            raise ValueError(f"SCREENING_OUTPUT_PREFIX is for a shadow run, which cannot be in the group {group}")
        return {"group_id": f"{prefix}{group}", **given}

    def pages(self) -> dict[str, Any]:
        """Where a process shows its pages, and what it asks of who wants to see them: host, port, token.

        Raises SettingsError when others could see them unasked.
        """
        token = self.secret("http_token")
        if not (is_local(self.metrics_host) or self.http_open or token):
            raise SettingsError(
                f"other machines can reach {self.metrics_host}: set SCREENING_HTTP_TOKEN_FILE, or SCREENING_HTTP_OPEN=true if "
                "the network around it is guarded"
            )
        return {
            "host": self.metrics_host,
            "port": self.metrics_port,
            "token": None if self.http_open else token,
            "tls": self.http_tls(),
        }

    def lag_allowed_s(self) -> float:
        """How much older than a claim's arrival the register may be, in seconds; never more than makes it stale."""
        return min(self.register_lag_ms / 1000, self.staleness_limit_s)

    def archive_place(self) -> str:
        """The folder or URL of the archive."""
        return self.archive_url or str(self.data_dir / "archive")

    def desk_database(self) -> str:
        """The URL of the database of the desk."""
        given = self.desk_database_url
        return f"sqlite:///{self.data_dir / 'desk.sqlite'}" if given is None else given.get_secret_value()

    def unique_instance(self) -> str:
        """The instance's name: the one set, or one that no other process has."""
        return self.instance_id or f"{socket.gethostname()}-{secrets.token_hex(4)}"

    def client(self, **settings: Any) -> dict[str, Any]:
        """Configuration of a Kafka client: the common part, then the given settings (dots as double underscores)."""
        named = {name.replace("__", "."): value for name, value in settings.items()}
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": "screening",
            # The client repeats "connection refused" many times a second; what matters comes back as errors.
            "log_level": 2,
            # By default a client waits up to ten seconds before it looks whether a broker is back.
            "reconnect.backoff.max.ms": 1_000,
            **self.librdkafka(),
            **self.kafka_config,
            **named,
        }


_JSON_EXAMPLES = {"packs_on": '["shantou-2022-draft"]', "kafka_config": '{"security.protocol": "SSL"}'}


class SettingsError(ValueError):
    """Settings that cannot be used; the message names each environment variable and what was expected."""


def load_settings(**overrides: Any) -> Settings:
    """Reads the settings from the environment; `overrides` win over it. Raises SettingsError."""
    _refuse_slips()
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except SourceError as error:
        field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "?")
        raise SettingsError(f"SCREENING_{field.upper()}: expected JSON, such as {_JSON_EXAMPLES.get(field)}") from None
    except ValidationError as error:
        lines = [
            f"SCREENING_{str(item['loc'][0]).upper()}: {item['msg']}" if item["loc"] else item["msg"]
            for item in error.errors(include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def _refuse_slips() -> None:
    """A misspelt setting would be ignored, and the process would run on a default that nobody chose.

    Other variables may begin with SCREENING_ (Kubernetes makes some of a service's name); only what is nearly a setting counts.
    """
    known = {f"SCREENING_{name.upper()}" for name in Settings.model_fields}
    for variable in sorted(name for name in os.environ if name.startswith("SCREENING_") and name not in known):
        near = difflib.get_close_matches(variable, known, n=1, cutoff=0.9)
        if near:
            raise SettingsError(f"{variable}: there is no such setting; did you mean {near[0]}?")

"""Rights on a cluster, made from the table of roles (`topics/access.py`)."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from pipeline.kafka.diagnostics import ClusterError, first_answer
from pipeline.kafka.reading import TOOLS_GROUP
from pipeline.settings.model import Settings
from topics.access import Role
from topics.catalogue import CATALOGUE

_TIMEOUT_S = 30.0
_PREFIXED_OWNERS = ("worker", "screening dlq redrive")


def bindings(role: Role, principal: str, settings: Settings) -> list[AclBinding]:
    """The rights that `principal` (such as `User:gate`) needs for a role, and no other."""
    return [
        AclBinding(kind, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)
        for kind, name, pattern, operation in _rights(role, settings)
    ]


def _rights(role: Role, settings: Settings) -> Iterator[tuple[ResourceType, str, ResourcePatternType, AclOperation]]:
    for specs, operation in ((role.reads, AclOperation.READ), (role.writes, AclOperation.WRITE)):
        for spec in specs:
            name = spec.prefixed(settings.output_prefix).name if spec.owner in _PREFIXED_OWNERS else spec.name
            yield ResourceType.TOPIC, name, ResourcePatternType.LITERAL, operation
    if role.group is not None:
        group = getattr(settings, role.group, TOOLS_GROUP)
        yield ResourceType.GROUP, group, ResourcePatternType.PREFIXED, AclOperation.READ
    if role.reads == CATALOGUE:  # who reads everything asks how far either plane has come, and reads as the tools do
        for group in (settings.control_group_id, TOOLS_GROUP):
            yield ResourceType.GROUP, group, ResourcePatternType.PREFIXED, AclOperation.READ
    if role.transactional is not None:
        start = "screening-redrive-" if role.transactional == "redrive" else f"{getattr(settings, role.transactional)}-"
        for operation in (AclOperation.WRITE, AclOperation.DESCRIBE):
            yield ResourceType.TRANSACTIONAL_ID, start, ResourcePatternType.PREFIXED, operation


def grant(rights: list[AclBinding], settings: Settings) -> None:
    """Creates rights; those that exist stay as they are. Raises ClusterError."""
    client = AdminClient(settings.client())
    first_answer(lambda limit: client.list_topics(timeout=limit), settings)
    for binding, future in client.create_acls(rights, request_timeout=_TIMEOUT_S).items():
        try:
            future.result(timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise ClusterError(f"cannot grant {describe(binding)}: {error.args[0].str()}") from error
        except TimeoutError:
            raise ClusterError(f"the brokers did not say whether they granted {describe(binding)}") from None


def describe(binding: AclBinding) -> str:
    """A right in words: what on which resource."""
    kind = ResourceType(binding.restype).name.lower().replace("_", " ")
    stars = "*" if binding.resource_pattern_type is ResourcePatternType.PREFIXED else ""
    return f"{AclOperation(binding.operation).name.lower()} {kind} {binding.name}{stars}"

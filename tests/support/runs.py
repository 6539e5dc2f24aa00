"""The steps that most end-to-end tests share."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from tests.support.balance import OUTPUTS
from tests.support.cluster import GROUP, Cluster, Record
from tests.support.register import REGIONS, Register, make_claim, make_register, wire
from tests.support.waiting import PATIENCE_S, wait_for
from tests.support.workers import Crew

STANDING_TOPICS = ("physician-standing", "institution-standing")


def sample(
    seed: int, claims: int, physicians: int = 40, regions: tuple[str, ...] = REGIONS
) -> tuple[Register, list[bytes]]:
    """A seeded register and claims on it."""
    rng = random.Random(seed)
    register = make_register(rng, physicians, regions=regions)
    return register, [wire(make_claim(rng, register, number, regions)) for number in range(claims)]


def publish(cluster: Cluster, register: Register) -> None:
    """Writes a register to the standing topics."""
    for topic in STANDING_TOPICS:
        cluster.send(topic, register.records(topic))


def send_claims(cluster: Cluster, values: Iterable[bytes | None]) -> int:
    """Writes record values to the claims topic, under keys of their own."""
    return cluster.send("claims", ({"key": f"k{number}", "value": value} for number, value in enumerate(values)))


def wait_judged(cluster: Cluster, crew: Crew, group: str = GROUP, within: float = PATIENCE_S) -> list[Record]:
    """Waits until the group has committed every input that is there now, and readers see what follows; returns the inputs."""
    inputs = cluster.read("claims")

    def done() -> bool:
        ended = [worker for worker in crew.all if worker.exit_code not in (None, 0, -9)]
        assert not ended, ended[0].output[-3000:]
        return cluster.has_judged(group, inputs)

    wait_for(
        "every claim is judged", done, within=within,
        detail=lambda: "\n".join(worker.output[-1500:] for worker in crew.all),
    )  # fmt: skip
    cluster.wait_shown(OUTPUTS)
    return inputs


def screen(
    cluster: Cluster, crew: Crew, values: Sequence[bytes | None], register: Register, **settings: object
) -> None:
    """One whole run: register, claims, one worker, to a clean end."""
    publish(cluster, register)
    send_claims(cluster, values)
    crew.start(**settings).wait_ready()
    wait_judged(cluster, crew)
    assert crew.stop() == [0]

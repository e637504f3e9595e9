"""Which broker the tests run on: Apache Kafka where it can be had, else the embedded one."""

import os
from pathlib import Path
from typing import Final, Protocol

from tests.harness.kafka import KafkaBroker, KafkaUnavailable, kafka_version, why_unavailable
from tracker.embedded.broker import start_broker

VARIABLE: Final = "TRACKER_TEST_KAFKA"


class Broker(Protocol):
    """What every test may expect of its broker."""

    kind: str

    @property
    def bootstrap(self) -> str: ...
    def stop(self) -> None: ...


def wants_real_kafka() -> bool:
    """Whether the tests run on Apache Kafka; raises KafkaUnavailable when that is required and cannot be.

    TRACKER_TEST_KAFKA: `required` makes its absence an error, `embedded` never uses it, unset takes what is there.
    """
    wish = os.environ.get(VARIABLE, "")
    if wish not in ("", "required", "embedded"):
        raise ValueError(f"{VARIABLE}={wish!r}: allowed are 'required', 'embedded', or nothing")
    if wish == "embedded":
        return False
    reason = why_unavailable()
    if reason is not None and wish == "required":
        raise KafkaUnavailable(f"{reason}, and {VARIABLE}=required")
    return reason is None


def describe() -> str:
    """One line for the head of the test report."""
    if wants_real_kafka():
        return f"broker: Apache Kafka {kafka_version()}"
    why = why_unavailable() or f"{VARIABLE}=embedded"
    return f"broker: embedded Tansu, in memory ({why})"


def start_test_broker(directory: Path) -> Broker:
    """The broker of `describe`, started; its files are under `directory`."""
    if wants_real_kafka():
        return KafkaBroker(directory).start()
    return start_broker(directory)

"""What of Faust and aiokafka the transport builds on: pinned, so that a new version that moves it fails here."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher
from faust.app.base import App as FaustApp
from faust.app.base import BootStrategy
from faust.serializers.schemas import Schema
from faust.tables.recovery import Recovery
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver
from mode import Service
from mode.supervisors import CrashingSupervisor
from mode.utils.imports import symbol_by_name

from tracker.stream.transport import Transport


def test_the_scheme_of_the_broker_url_leads_to_this_transport() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert symbol_by_name(project["project"]["entry-points"]["faust.transports"]["tracker"]) is Transport


SEAMS: dict[Callable[..., Any], str] = {
    driver.AIOKafkaConsumerThread._create_worker_consumer: "(self, transport)",
    driver.AIOKafkaConsumerThread._fetch_records: "(self, consumer, active_partitions, timeout, max_records)",
    driver.AIOKafkaConsumerThread._ensure_consumer: "(self)",
    fetcher.FetchResult.has_more: "(self)",
    fetcher.PartitionRecords._consumer_record: "(self, tp, record)",
    driver.Consumer._new_consumer_thread: "(self)",
    driver.Consumer._to_message: "(self, tp, record)",
    faust_consumer.ThreadDelegateConsumer._seek: "(self, partition, offset)",
    faust_consumer.ThreadDelegateConsumer.seek_to_committed: "(self)",
    faust_consumer.ThreadDelegateConsumer.highwater: "(self, tp)",
    faust_consumer.Consumer._wait_next_records: "(self, timeout)",
    faust_consumer.Consumer._drain_messages: "(self, fetcher)",
    faust_consumer.Consumer.getmany: "(self, timeout)",
    faust_consumer.Consumer.on_buffer_full: "(self, tp)",
    faust_consumer.Consumer.on_buffer_drop: "(self, tp)",
    faust_consumer.Consumer.on_partitions_revoked: "(self, revoked)",
    faust_consumer.Consumer.perform_seek: "(self)",
    Recovery._resume_streams: "(self, generation_id)",
    Schema.compile: "(self, app, on_key_decode_error, on_value_decode_error, default_propagate)",
    FaustApp._create_directories: "(self)",
    Service._crash: "(self, reason)",
    CrashingSupervisor._contribute_to_service: "(self, service)",
}


def test_the_private_members_of_faust_are_where_this_version_has_them() -> None:
    """Read a new version of Faust before you use it: it may change these members without a word."""
    assert version("faust-streaming") == "0.15.3"
    assert version("aiokafka").startswith("0.14.")
    assert {member: f"({', '.join(inspect.signature(member).parameters)})" for member in SEAMS} == SEAMS
    assert BootStrategy.enable_kafka_producer is None
    assert BootStrategy.enable_sensors is True
    source = inspect.getsource(AIOKafkaConsumer.start)
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in source
    assert "fetch_max_bytes=self._fetch_max_bytes" in source
    assert "consumer_record = self._consumer_record(tp, record)" in inspect.getsource(fetcher.PartitionRecords)

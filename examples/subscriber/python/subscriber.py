"""A subscriber of the alert topics: a line for each alert event, each event handled once.

It knows nothing of the tracker but what its schema says (schemas/alerts/alert.schema.json), and this:

1. Records come at least once. An event's `id` names it once and for all, so the ids of what was handled are kept.
2. What is done and the id are written in one transaction (SQLite): a crash leaves both or neither.
3. Kafka is told how far we are only after that. What it then sends again is known by its id.

    python subscriber.py LEDGER.sqlite

Settings are variables of the environment: see README.md. SIGTERM and Ctrl-C stop it after the event in hand.
"""

import json
import logging
import os
import signal
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from typing import NamedTuple

from kafka import KafkaConsumer
from kafka.errors import CommitFailedError, KafkaError

CATEGORIES = "engagement,speed,authenticity,conversion,compliance,agreement,payout,system"
SCHEMA_VERSION = 1
PAUSE_SECONDS = 2.0

log = logging.getLogger("subscriber")
stopping = threading.Event()


class UnknownVersion(Exception):
    """An event of a version that this program was not written for. It was not handled, and is not lost."""


class Told(NamedTuple):
    """What this program wants to know of an alert event."""

    id: str
    type: str
    line: str


def read(value: bytes | None) -> Told | None:
    """What a record tells; None for what is no alert event. Raises UnknownVersion."""
    try:
        event = json.loads(value or b"")
        if event["schemaversion"] != SCHEMA_VERSION:
            raise UnknownVersion(f"{event['id']}: schemaversion {event['schemaversion']}, known is {SCHEMA_VERSION}")
        alert = event["data"]
        # What is at its default is left out of an event, and values may come that nobody knew when this was written.
        summary = alert["summary"].get(os.environ.get("ALERT_LANGUAGE", "en"), alert["summary"]["en"])
        subject = "/".join(f"{name}={value}" for name, value in alert["subject"].items())
        line = f"{event['id']} {event['type']} {alert['severity']} {alert['rule']} {subject}: {summary}"
        return Told(str(event["id"]), str(event["type"]), " ".join(line.split()))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def open_ledger(path: str) -> sqlite3.Connection:
    """The file of what was handled: `seen` has the ids, `handled` what was done, in its order."""
    ledger = sqlite3.connect(path, isolation_level=None)
    ledger.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
    ledger.execute("CREATE TABLE IF NOT EXISTS handled (number INTEGER PRIMARY KEY, id TEXT, type TEXT, line TEXT)")
    return ledger


def handle(ledger: sqlite3.Connection, told: Told) -> None:
    """Handle an event, unless it was handled before.

    What must happen once stands in the transaction. The line is printed before the end of it, so a crash may print it
    twice but never loses it: whatever cannot be part of the transaction (a mail, a call) happens at least once.
    """
    ledger.execute("BEGIN IMMEDIATE")
    try:
        if ledger.execute("INSERT OR IGNORE INTO seen VALUES (?)", (told.id,)).rowcount == 1:
            ledger.execute("INSERT INTO handled (id, type, line) VALUES (?, ?, ?)", told)
            sys.stdout.write(told.line + "\n")
            sys.stdout.flush()
        ledger.execute("COMMIT")
    except BaseException:
        ledger.execute("ROLLBACK")
        raise


def connect() -> KafkaConsumer:
    """A consumer of the group. Raises KafkaError when no broker answers."""
    prefix = os.environ.get("TOPIC_PREFIX", "tracker")
    session_ms = int(float(os.environ.get("SESSION_SECONDS", "10")) * 1000)
    consumer = KafkaConsumer(
        bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP", "127.0.0.1:9092").split(","),
        group_id=os.environ.get("CONSUMER_GROUP", "alert-lines"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // 3,
        max_poll_records=100,
        bootstrap_timeout_ms=2_000,
        reconnect_backoff_max_ms=1_000,
    )
    consumer.subscribe([f"{prefix}.alerts.{each}" for each in os.environ.get("CATEGORIES", CATEGORIES).split(",")])
    return consumer


def follow(consumer: KafkaConsumer, ledger: sqlite3.Connection) -> None:
    """Handle what comes until we are to stop. Raises KafkaError, UnknownVersion."""
    while not stopping.is_set():
        for place, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                told = read(record.value)
                if told is None:
                    log.warning("%s[%d]@%d: no alert event, left out", place.topic, place.partition, record.offset)
                else:
                    handle(ledger, told)
                if stopping.is_set():
                    return  # the rest of the batch is not handled, so nothing of it is committed
        # A group that went on without us reads this again elsewhere, and knows it by its ids.
        with suppress(CommitFailedError):
            consumer.commit()


def main(path: str) -> int:
    """Follow the topics, and connect again whenever that fails, until we are to stop; the exit code."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    with closing(open_ledger(path)) as ledger:
        while not stopping.is_set():
            try:
                with closing(connect()) as consumer:
                    follow(consumer, ledger)
            except UnknownVersion as error:
                log.critical("%s. Nothing of it was handled. Get a newer subscriber: it goes on from here.", error)
                return 1
            except KafkaError as error:
                log.warning("Kafka: %s. Trying again in %.0f s.", error, PAUSE_SECONDS)
                stopping.wait(PAUSE_SECONDS)
    log.info("stopped")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python subscriber.py LEDGER.sqlite")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    sys.exit(main(sys.argv[1]))

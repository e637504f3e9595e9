"""Kafka's own affairs: is it there, are the topics as they must be, and which very log is a topic.

Everything here blocks; callers on an event loop use `asyncio.to_thread`. Works with Apache Kafka and the embedded
broker alike.
"""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from msgspec import Struct

from tracker.topics import STAGES, Stage, Topics, configuration

_REQUEST_MS = 5_000
_TRY_MS = 2_000
_LIST_OF_TOPICS_SETTLES_SECONDS = 10

OnWait = Callable[[float, str], None]
"""Told while waiting: the seconds that are left, and why it waits."""


class KafkaDown(Exception):
    """No broker answers. `bootstrap` is where it was looked for."""

    def __init__(self, bootstrap: str, waited: float, cause: str) -> None:
        super().__init__(
            f"kafka {bootstrap}: no broker answered within {waited:.0f} s ({cause}). Nothing was started. Start Kafka, "
            "or set kafka.bootstrap (TRACKER_KAFKA__BOOTSTRAP) to where it listens; kafka.wait_seconds says how long "
            "to wait."
        )
        self.bootstrap = bootstrap
        self.waited = waited
        self.cause = cause


class UnfitTopics(Exception):
    """Topics that are missing, or not as they must be. `faults` maps a topic's name to what is wrong with it."""

    def __init__(self, bootstrap: str, faults: Mapping[str, str]) -> None:
        listed = "\n".join(f"  {topic}: {fault}" for topic, fault in sorted(faults.items()))
        super().__init__(f"kafka {bootstrap}: these topics cannot be used. Nothing was started.\n{listed}")
        self.bootstrap = bootstrap
        self.faults = dict(faults)


class TopicIdentity(Struct, frozen=True):
    """A topic as the broker knows it: its number of partitions, and the id of its log (see `log_id`)."""

    name: str
    partitions: int
    log: str


def wait_for_kafka(bootstrap: str, seconds: float, on_wait: OnWait | None = None) -> None:
    """Return as soon as a broker answers. Raises KafkaDown after `seconds`; `on_wait` counts down until then."""
    began = time.monotonic()
    while True:
        try:
            with _admin(bootstrap) as admin:
                admin.describe_cluster()
                return
        except KafkaError as error:
            waited = time.monotonic() - began
            if waited >= seconds:
                raise KafkaDown(bootstrap, waited, str(error)) from error
            if on_wait is not None:
                on_wait(seconds - waited, str(error))
            time.sleep(min(1.0, max(0.0, seconds - waited)))


def ensure_topics(bootstrap: str, topics: Topics) -> Mapping[Stage, TopicIdentity]:
    """Create the topics that are missing, then check them all. Raises UnfitTopics, KafkaDown."""
    with _reachable(bootstrap) as admin:
        described = _described(admin, topics)
        missing = [stage for stage in STAGES if topics.name(stage) not in described]
        if missing:
            _create(admin, bootstrap, topics, missing)
            described = _settled(admin, topics)
        return _checked(bootstrap, topics, described, _cluster_id(admin))


def check_topics(bootstrap: str, topics: Topics) -> Mapping[Stage, TopicIdentity]:
    """The identity of every topic of ours. Raises UnfitTopics with what to do, KafkaDown. Creates nothing."""
    with _reachable(bootstrap) as admin:
        return _checked(bootstrap, topics, _described(admin, topics), _cluster_id(admin))


def log_ids(bootstrap: str, names: Sequence[str]) -> dict[str, str]:
    """The log id of each of these topics that exists. Raises KafkaDown."""
    with _reachable(bootstrap) as admin:
        cluster = _cluster_id(admin)
        found = admin.describe_topics(list(names))
        return {topic["name"]: log_id(topic["name"], topic["topic_id"], cluster) for topic in found if _exists(topic)}


def log_id(topic: str, topic_id: uuid.UUID | str | None, cluster: str) -> str:
    """Which very log this is: a topic that was deleted and created anew has another one.

    The topic's id as Kafka's tools print it (base64url, 22 characters; KIP-516). A broker that gives none: a hash of
    the cluster's id and the topic's name, of the same length; it cannot tell a recreated topic.
    """
    if topic_id is None or (known := uuid.UUID(str(topic_id))).int == 0:
        digest = hashlib.sha256(f"{cluster}\x00{topic}".encode()).digest()[:16]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return base64.urlsafe_b64encode(known.bytes).rstrip(b"=").decode()


def topic_configs(stage: Stage) -> dict[str, str]:
    """How a topic of ours is set up, as Kafka wants to be told."""
    return {
        name: ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in configuration(stage).items()
    }


@contextmanager
def _admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(
        bootstrap_servers=bootstrap.split(","), bootstrap_timeout_ms=_TRY_MS, request_timeout_ms=_REQUEST_MS
    )
    with closing(client):
        yield client


@contextmanager
def _reachable(bootstrap: str) -> Iterator[KafkaAdminClient]:
    began = time.monotonic()
    try:
        with _admin(bootstrap) as admin:
            yield admin
    except KafkaError as error:
        raise KafkaDown(bootstrap, time.monotonic() - began, str(error)) from error


def _cluster_id(admin: KafkaAdminClient) -> str:
    return str(admin.describe_cluster()["cluster_id"])


def _exists(topic: Mapping[str, Any]) -> bool:
    return int(topic["error_code"]) == 0 and bool(topic["partitions"])


def _described(admin: KafkaAdminClient, topics: Topics) -> dict[str, dict[str, Any]]:
    found = admin.describe_topics([topics.name(stage) for stage in STAGES])
    return {topic["name"]: topic for topic in found if _exists(topic)}


def _create(admin: KafkaAdminClient, bootstrap: str, topics: Topics, missing: Sequence[Stage]) -> None:
    wanted = {
        topics.name(stage): {
            "num_partitions": topics.partitions,
            "replication_factor": topics.replication,
            "configs": topic_configs(stage),
        }
        for stage in missing
    }
    answer = admin.create_topics(wanted, raise_errors=False)
    faults = {}
    for topic in answer["topics"]:
        code = int(topic["error_code"])
        # Another process of ours may have been faster: what it made is checked afterwards like any other.
        if code not in (0, TopicAlreadyExistsError.errno):
            faults[topic["name"]] = (
                f"cannot be created: {topic['error_message'] or for_code(code).__name__}. Create it by hand "
                f"({topics.partitions} partitions, {topics.replication} replicas), or set topics.replication to what "
                "the cluster can hold"
            )
    if faults:
        raise UnfitTopics(bootstrap, faults)


def _settled(admin: KafkaAdminClient, topics: Topics) -> dict[str, dict[str, Any]]:
    until = time.monotonic() + _LIST_OF_TOPICS_SETTLES_SECONDS
    while len(described := _described(admin, topics)) < len(STAGES) and time.monotonic() < until:
        time.sleep(0.05)
    return described


def _checked(
    bootstrap: str, topics: Topics, described: Mapping[str, Mapping[str, Any]], cluster: str
) -> Mapping[Stage, TopicIdentity]:
    faults: dict[str, str] = {}
    identities: dict[Stage, TopicIdentity] = {}
    for stage in STAGES:
        name = topics.name(stage)
        topic = described.get(name)
        if topic is None:
            faults[name] = "does not exist. Create it: tracker topics create"
            continue
        count = len(topic["partitions"])
        if count != topics.partitions:
            faults[name] = (
                f"has {count} partitions, topics.partitions says {topics.partitions}. Set topics.partitions to {count} "
                "or choose another topics.prefix: partitions of a topic that holds records cannot be changed, an "
                "account's events would no longer meet in one partition"
            )
        identities[stage] = TopicIdentity(name, count, log_id(name, topic["topic_id"], cluster))
    if faults:
        raise UnfitTopics(bootstrap, faults)
    return identities

"""The servers of the harness keep the promises that the failure tests rely on."""

from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from redis import Redis
from redis.cluster import RedisCluster as ClusterClient

from tests.harness import brokers
from tests.harness.brokers import Broker
from tests.harness.kafka import KafkaBroker, KafkaUnavailable
from tests.harness.redis import RedisCluster
from tracker.embedded.redis import RedisServer


def write_and_read(bootstrap: str, topic: str, value: bytes) -> list[bytes]:
    """Send one record to partition 0 and read that partition whole."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    producer.send(topic, value=value).get(timeout=20)
    producer.close()
    return read(bootstrap, topic)


def read(bootstrap: str, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=None)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    values: list[bytes] = []
    while len(values) < end:
        for records in consumer.poll(timeout_ms=1_000).values():
            values += [record.value for record in records]
    consumer.close()
    return values


def create(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()


def test_the_session_broker_takes_and_gives_records(kafka: Broker, topic_prefix: str) -> None:
    create(kafka.bootstrap, f"{topic_prefix}.inbox")
    assert write_and_read(kafka.bootstrap, f"{topic_prefix}.inbox", b"one") == [b"one"]


def test_the_session_broker_is_the_one_that_the_report_names(kafka: Broker) -> None:
    assert isinstance(kafka, KafkaBroker) == brokers.wants_real_kafka()
    assert ("Apache Kafka" in kafka.kind) == ("Apache Kafka" in brokers.describe())


@pytest.mark.slow
def test_kafka_keeps_its_records_and_its_cluster_over_a_kill(own_kafka: KafkaBroker) -> None:
    create(own_kafka.bootstrap, "kept")
    assert write_and_read(own_kafka.bootstrap, "kept", b"one") == [b"one"]
    before = cluster_id(own_kafka.bootstrap)
    own_kafka.kill()
    own_kafka.restart()
    assert read(own_kafka.bootstrap, "kept") == [b"one"]
    assert cluster_id(own_kafka.bootstrap) == before


def cluster_id(bootstrap: str) -> str:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    found: str = admin.describe_cluster()["cluster_id"]
    admin.close()
    return found


def test_required_kafka_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("TRACKER_TEST_KAFKA", "required")
    with pytest.raises(KafkaUnavailable, match="no java on PATH") as caught:
        brokers.wants_real_kafka()
    assert "openjdk" in caught.value.install


def test_without_java_the_report_names_the_embedded_broker_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("TRACKER_TEST_KAFKA", raising=False)
    assert brokers.describe() == "broker: embedded Tansu, in memory (no java on PATH)"


def test_a_misspelt_wish_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_TEST_KAFKA", "requird")
    with pytest.raises(ValueError, match="requird"):
        brokers.wants_real_kafka()


def test_the_cluster_serves_keys_of_every_node(redis_cluster: RedisCluster) -> None:
    with ClusterClient.from_url(redis_cluster.url) as client:
        for number in range(30):
            client.set(f"{{activity-{number}}}:cursor", number)
        assert [client.get(f"{{activity-{number}}}:cursor") for number in range(30)] == [b"%d" % n for n in range(30)]
    holdings = []
    for port in redis_cluster.ports:
        with Redis(port=port) as node:
            holdings.append(node.dbsize())
    assert sum(holdings) == 30
    assert all(holdings)


def test_each_test_finds_the_shared_redis_empty(redis_url: str, redis_server: Callable[..., RedisServer]) -> None:
    own = redis_server()
    assert own.url != redis_url
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_each_test_finds_the_shared_redis_empty_again(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0

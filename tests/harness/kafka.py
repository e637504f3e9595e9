"""Apache Kafka without Docker: the broker's jars from Maven, one KRaft node on loopback."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Final

from tracker.embedded.broker import cluster_id
from tracker.embedded.process import Child, await_answer, free_port, start

ROOT: Final = Path(__file__).parents[2]
POM: Final = ROOT / "tests" / "kafka" / "pom.xml"
JAVA_NEEDED: Final = 17  # Kafka 4 brokers; its 4.0 upgrade notes
START_S: Final = 60.0
MAVEN_S: Final = 540

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
"""


class KafkaUnavailable(Exception):
    """Apache Kafka cannot run here; `reason` says what is missing, `install` what to do."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.install = "apt-get install openjdk-17-jre-headless maven"
        super().__init__(f"Apache Kafka cannot be started for the tests: {reason}. Install it: {self.install}")


def kafka_version() -> str:
    """The version that the tests' pom.xml pins."""
    found = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)</version>", POM.read_text())
    assert found is not None, f"{POM} pins no kafka_2.13"
    return found.group(1)


def why_unavailable() -> str | None:
    """None when Apache Kafka can be had here, else what is missing."""
    java = shutil.which("java")
    if java is None:
        return "no java on PATH"
    banner = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', banner)
    if version is None or int(version.group(1)) < JAVA_NEEDED:
        return f"java on PATH is not {JAVA_NEEDED} or newer ({banner.splitlines()[:1]})"
    if not _libs().is_dir() and shutil.which("mvn") is None:
        return "no mvn on PATH to fetch the broker"
    return None


def kafka_libs() -> Path:
    """The directory of the broker's jars, fetched once for each content of pom.xml; raises KafkaUnavailable."""
    libs = _libs()
    if libs.is_dir():
        return libs
    mvn = shutil.which("mvn")
    if mvn is None:
        raise KafkaUnavailable("no mvn on PATH to fetch the broker")
    libs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=libs.parent) as unfinished:
        fetched = Path(unfinished) / "libs"
        done = subprocess.run(
            [mvn, "-q", "-B", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"],
            capture_output=True,
            text=True,
            timeout=MAVEN_S,
            check=False,
        )
        if done.returncode != 0:
            raise KafkaUnavailable(f"mvn failed: {(done.stdout + done.stderr).strip()[-2000:]}")
        try:
            fetched.rename(libs)
        except OSError:
            if not libs.is_dir():  # else another test run was faster, with the same jars
                raise
    return libs


def _libs() -> Path:
    content = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    return ROOT / ".build" / "kafka" / content / "libs"


class KafkaBroker:
    """One broker with its data; it can be stopped, killed and restarted on the same port and data."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.controller_port = free_port()
        # Kafka's own form: a UUID in URL-safe base64. The fixed first byte keeps it from beginning like an option.
        self.cluster = base64.urlsafe_b64encode(b"\x10" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        self.child: Child | None = None
        self.kind = f"Apache Kafka {kafka_version()}"

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "KafkaBroker":
        """Start it (the first time: a new cluster) and wait until it answers metadata requests."""
        libs = kafka_libs()
        properties = self.directory / "server.properties"
        if not properties.exists():
            self._format(libs, properties)
        self.child = start(
            "Apache Kafka",
            ["java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{libs}/*", "kafka.Kafka", properties],
            log=self.directory / "kafka.log",
            env=_java_env(),
        )
        await_answer(self.child, lambda: cluster_id(self.port) == self.cluster, address=self.bootstrap, seconds=START_S)
        return self

    def stop(self) -> None:
        """A controlled shutdown."""
        if self.child is not None:
            self.child.stop(grace_s=30.0)

    def kill(self) -> None:
        """kill -9"""
        if self.child is not None:
            self.child.kill()

    def restart(self) -> None:
        """Start again on the same port and data; stops it first if it runs."""
        self.stop()
        self.start()

    def __enter__(self) -> "KafkaBroker":
        return self.start()

    def __exit__(self, *_: object) -> None:
        # Its data is thrown away with the test, so there is nothing to shut down in order.
        self.kill()

    def _format(self, libs: Path, properties: Path) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        text = PROPERTIES.format(port=self.port, controller_port=self.controller_port, logs=self.directory / "logs")
        properties.write_text(text)
        done = subprocess.run(
            ["java", "-cp", f"{libs}/*", "kafka.tools.StorageTool", "format", "-t", self.cluster, "-c", properties],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **_java_env()},
        )
        if done.returncode != 0:
            properties.unlink()
            raise KafkaUnavailable(f"formatting its storage failed: {done.stdout}{done.stderr}")


def _java_env() -> dict[str, str]:
    # Options meant for somebody else's Java would end up in our broker's heap and log.
    return {"JAVA_TOOL_OPTIONS": "", "KAFKA_OPTS": ""}

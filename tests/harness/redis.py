"""A Redis Cluster of three nodes on loopback."""

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from tracker.embedded.process import POLL_S
from tracker.embedded.redis import RedisServer

SLOTS: Final = 16_384
BUS_DISTANCE: Final = 10_000  # the cluster bus listens on the client port plus this, by default
FORM_S: Final = 45.0


class ClusterNotFormed(Exception):
    """The nodes did not agree on a cluster in time; `states` has each one's CLUSTER INFO."""

    def __init__(self, seconds: float, states: Sequence[str]) -> None:
        self.states = states
        super().__init__(f"no Redis Cluster after {seconds:.0f} s; the nodes say:\n" + "\n".join(states))


class RedisCluster:
    """Three primaries that share all slots; clients start at `url`."""

    def __init__(self, directory: Path) -> None:
        options = {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "cluster-node-timeout": "15000"}
        self.nodes = [
            RedisServer(directory / f"node-{number}", port=_port_with_bus(), options=options) for number in range(3)
        ]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    def start(self) -> "RedisCluster":
        """Start the nodes and wait until each sees the whole cluster; raises ClusterNotFormed."""
        for node in self.nodes:
            node.start()
        bounds = [SLOTS * number // 3 for number in range(4)]
        for node, low, beyond in zip(self.nodes, bounds, bounds[1:], strict=False):
            _command(node, "CLUSTER", "ADDSLOTS", *range(low, beyond))
        for node in self.nodes[1:]:
            _command(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", node.port)
        deadline = time.monotonic() + FORM_S
        while not all(_formed(node) for node in self.nodes):
            if time.monotonic() >= deadline:
                raise ClusterNotFormed(FORM_S, [_info(node) for node in self.nodes])
            time.sleep(POLL_S)
        return self

    def flush(self) -> None:
        for node in self.nodes:
            _command(node, "FLUSHALL")

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> "RedisCluster":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _formed(node: RedisServer) -> bool:
    info = _info(node)
    return "cluster_state:ok" in info and "cluster_known_nodes:3" in info and f"cluster_slots_ok:{SLOTS}" in info


def _info(node: RedisServer) -> str:
    with Redis(port=node.port, socket_timeout=5.0, decode_responses=True) as client:
        try:
            return "\n".join(f"{key}:{value}" for key, value in client.execute_command("CLUSTER INFO").items())
        except RedisError as error:
            return f"port {node.port}: {error}"


def _command(node: RedisServer, *words: str | int) -> None:
    with Redis(port=node.port, socket_timeout=10.0) as client:
        client.execute_command(*words)


def _port_with_bus() -> int:
    """A free port whose bus port is free too (and exists: ephemeral ports may lie too high)."""
    while True:
        with socket.socket() as bus, socket.socket() as port:
            bus.bind(("127.0.0.1", 0))
            number = bus.getsockname()[1] - BUS_DISTANCE
            try:
                port.bind(("127.0.0.1", number))
            except OSError:
                continue
            return int(number)

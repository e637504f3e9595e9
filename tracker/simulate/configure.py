"""The settings of a demo, as a person would write them for a real installation, in a file."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from msgspec import Struct

from tracker.simulate.deliver import SOURCE
from tracker.simulate.model import PlatformName
from tracker.simulate.wire import Secrets
from tracker.topics import Topics

TOPICS = Topics(partitions=4)


class Addresses(Struct, frozen=True, kw_only=True):
    """Where everything of one run listens, and the bearer token of its shop."""

    bootstrap: str
    redis_url: str
    receiver_port: int
    api: str
    token: str


def settings_yaml(where: Addresses, secrets: Mapping[PlatformName, Secrets], *, click_secret: str) -> str:
    """The file for all processes. Posts are looked at every second, as a real one would be every minute."""
    return yaml.safe_dump(
        {
            "kafka": {"bootstrap": where.bootstrap},
            "redis": {"url": where.redis_url},
            "topics": {"prefix": TOPICS.prefix, "partitions": TOPICS.partitions},
            "worker": {"view_debounce_ms": 200, "session_timeout_seconds": 3},
            "receiver": {
                "host": "127.0.0.1",
                "port": where.receiver_port,
                "api_tokens": [where.token],
                "click_secrets": [click_secret],
            },
            "poller": {"lease_seconds": 10, "timeout_seconds": 5},
            # Rules may take their time: the machine is busy with the demo itself.
            "watcher": {
                "judge_every_ms": 1_000,
                "tick_seconds": 2,
                "pipeline_seconds": 2,
                "rule_seconds": 15,
                "session_timeout_seconds": 3,
            },
            "cadence": {
                "steps": [
                    {"until_seconds": 3_600, "every_seconds": 1},
                    {"until_seconds": 108_000, "every_seconds": 2},
                    {"until_seconds": 31_536_000, "every_seconds": 6},
                ],
                "account_every_seconds": 2,
            },
            "platforms": {name: _platform(name, where.api, own) for name, own in secrets.items()},
            "log_level": "info",
        },
        sort_keys=False,
    )


def _platform(name: str, api: str, own: Secrets) -> dict[str, object]:
    paths = {"instagram": "/instagram/v25.0", "tiktok": "/tiktok", "youtube": "/youtube/youtube/v3"}
    source: dict[str, object] = {"signing": ["a-secret-before-the-rotation", own.signing]}
    if name == "instagram":
        source["verify_token"] = own.verify
    return {
        "base_url": api + paths[name],
        "token": own.key,
        # YouTube's videos are public: its key reaches every channel.
        "tokens": {} if name == "youtube" else dict(own.tokens),
        "requests_per_minute": 12_000,
        "sources": {SOURCE: source},
    }

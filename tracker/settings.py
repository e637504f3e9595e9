"""What can be set, with defaults and meanings. Values come from a YAML file, then from the environment.

The environment's names are `TRACKER_` and the path in capitals, levels parted by two underscores:
`TRACKER_KAFKA__BOOTSTRAP`. The file is named by `TRACKER_SETTINGS` or `--settings`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: frozen, and a misspelt name is refused."""


class Kafka(_Section, frozen=True, kw_only=True):
    bootstrap: Annotated[str, Meta(description="Kafka's bootstrap servers, host:port, comma separated")] = (
        "127.0.0.1:9092"
    )
    wait_seconds: Annotated[int, Meta(ge=0, description="How long to wait at start for a broker that is down")] = 30


class Redis(_Section, frozen=True, kw_only=True):
    url: Annotated[str, Meta(description="Address of Redis or Valkey, redis://host:port/db")] = (
        "redis://127.0.0.1:6379/0"
    )
    cluster: Annotated[bool, Meta(description="The address is a node of a Redis Cluster")] = False
    prefix: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*$", description="First part of every key")] = "tracker"
    wait_seconds: Annotated[int, Meta(ge=0, description="How long to wait at start for a Redis that is down")] = 30


class TopicSettings(_Section, frozen=True, kw_only=True):
    prefix: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]*$", description="First part of every topic's name")] = (
        "tracker"
    )
    partitions: Annotated[int, Meta(ge=1, le=1024, description="Partitions of each topic; fixed once created")] = 8
    replication: Annotated[int, Meta(ge=1, description="Replicas of each topic")] = 1


class Worker(_Section, frozen=True, kw_only=True):
    group: Annotated[str, Meta(description="Consumer group of the workers")] = "tracker-worker"
    batch_records: Annotated[int, Meta(ge=1, description="Records at most in one batch of one partition")] = 6000
    state_pieces: Annotated[int, Meta(ge=100, description="Pieces of state kept in memory per partition")] = 50_000
    view_debounce_ms: Annotated[int, Meta(ge=0, le=10_000, description="Totals are merged at most this often")] = 500
    dead_limit: Annotated[
        int, Meta(ge=1, description="Dead letters within `dead_window_seconds` that stop the worker")
    ] = 200
    dead_window_seconds: Annotated[int, Meta(ge=1, description="Window of `dead_limit`")] = 60
    session_timeout_seconds: Annotated[
        int, Meta(ge=3, description="Kafka session timeout: a dead worker's partitions move after it")
    ] = 10
    metrics_port: Annotated[int, Meta(ge=0, le=65535, description="Port of GET /metrics for Prometheus; 0: none")] = 0


class Receiver(_Section, frozen=True, kw_only=True):
    host: Annotated[str, Meta(description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0: any free one")] = 8080
    # A body and its headers must fit one record of Kafka, also as a dead letter (tests/ingest/test_large_bodies.py).
    body_limit: Annotated[
        int, Meta(ge=1024, le=8_000_000, description="Largest body in bytes; more is answered 413")
    ] = 8_000_000
    api_tokens: Annotated[tuple[str, ...], Meta(description="Bearer tokens for POST /v1/conversions (secret)")] = ()
    click_secrets: Annotated[
        tuple[str, ...], Meta(description="Secrets that sign click ids; the first signs, all verify (secret)")
    ] = ()


class Poller(_Section, frozen=True, kw_only=True):
    lease_seconds: Annotated[int, Meta(ge=1, description="An item asked for is nobody else's for so long")] = 60
    concurrency: Annotated[int, Meta(ge=1, le=64, description="Requests under way at once")] = 8
    timeout_seconds: Annotated[int, Meta(ge=1, description="Longest wait for an answer")] = 10
    follow_up_seconds: Annotated[
        int, Meta(ge=1, description="What a webhook calls for is given up when it was not answered for so long")
    ] = 7200
    metrics_port: Annotated[int, Meta(ge=0, le=65535, description="Port of GET /metrics for Prometheus; 0: none")] = 0


class Watcher(_Section, frozen=True, kw_only=True):
    group: Annotated[str, Meta(description="Consumer group of the watchers")] = "tracker-watcher"
    judge_every_ms: Annotated[
        int, Meta(ge=0, le=600_000, description="A campaign that changes is judged at most this often")
    ] = 500
    tick_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="A campaign is judged at least this often: overdue, stale, forecasts")
    ] = 60
    pipeline_seconds: Annotated[int, Meta(ge=1, le=3_600, description="The pipeline itself is judged this often")] = 15
    rule_seconds: Annotated[int, Meta(ge=1, le=60, description="A rule that takes longer is left out for a while")] = 2
    quarantine_seconds: Annotated[int, Meta(ge=1, le=86_400, description="For how long a rule is left out")] = 300
    session_timeout_seconds: Annotated[
        int, Meta(ge=3, description="Kafka session timeout: a dead watcher's campaigns move after it")
    ] = 10
    metrics_port: Annotated[int, Meta(ge=0, le=65535, description="Port of GET /metrics for Prometheus; 0: none")] = 0


class Smtp(_Section, frozen=True, kw_only=True):
    host: Annotated[str, Meta(description="Mail server for notifiers of type `email`; empty: no mail is sent")] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port: 587 with starttls, 465 with implicit")] = 587
    tls: Annotated[
        Literal["starttls", "implicit", "none"],
        Meta(description="How the connection is encrypted; `none` only for a server on this very machine"),
    ] = "starttls"
    username: Annotated[str | None, Meta(description="User at the mail server; left out: no login")] = None
    password: Annotated[str | None, Meta(description="Password at the mail server (secret)")] = None
    sender: Annotated[str, Meta(description="Address that mails come from")] = ""

    def __repr__(self) -> str:  # a password does not show
        return f"Smtp(host={self.host!r}, port={self.port}, tls={self.tls!r})"


class Notifiers(_Section, frozen=True, kw_only=True):
    group: Annotated[str, Meta(description="Consumer group of the processes that tell of alerts")] = "tracker-notify"
    secrets: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="By the name that a notifier's `secret` says, the newest first; all sign (secret)"),
    ] = field(default_factory=dict)
    smtp: Smtp = field(default_factory=Smtp)
    allow_http: Annotated[bool, Meta(description="Also send to http:// addresses, which are not encrypted")] = False
    allow_hosts: Annotated[
        tuple[str, ...], Meta(description="Hosts that may be told although they are in a private network")
    ] = ()
    allow_networks: Annotated[
        tuple[str, ...], Meta(description="Private networks whose hosts may be told, as 10.1.0.0/16")
    ] = ()
    concurrency: Annotated[int, Meta(ge=1, le=32, description="Notices under way at once to one notifier")] = 4
    timeout_seconds: Annotated[int, Meta(ge=1, le=120, description="Longest wait for a receiver's answer")] = 15
    give_up_hours: Annotated[
        int, Meta(ge=1, le=720, description="A notice is tried for so long; older alerts are not told at all")
    ] = 72
    waiting_limit: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Notices that wait for one notifier at most; more count as failed")
    ] = 10_000
    log_entries: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Finished deliveries kept in the log of one notifier")
    ] = 1_000
    log_days: Annotated[int, Meta(ge=1, le=365, description="Finished deliveries are kept for so long")] = 30
    session_timeout_seconds: Annotated[
        int, Meta(ge=3, description="Kafka session timeout: a dead process's partitions move after it")
    ] = 10
    metrics_port: Annotated[int, Meta(ge=0, le=65535, description="Port of GET /metrics for Prometheus; 0: none")] = 0

    def __repr__(self) -> str:  # secrets do not show
        return f"Notifiers(group={self.group!r}, secrets={sorted(self.secrets)}, smtp={self.smtp!r})"


class Api(_Section, frozen=True, kw_only=True):
    host: Annotated[str, Meta(description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0: any free one")] = 8090
    body_limit: Annotated[
        int, Meta(ge=1024, le=10_000_000, description="Largest body in bytes; more is answered 413")
    ] = 1_000_000
    requests_per_minute: Annotated[
        int, Meta(ge=1, description="Requests a minute of one token, in each process; more are answered 429")
    ] = 1_200
    burst: Annotated[int, Meta(ge=1, description="Requests that one token may make at once")] = 120
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may call the API from a browser; none: no page may")
    ] = ()
    status_seconds: Annotated[
        int, Meta(ge=1, description="How long a look at the pipeline, or at the dead letters, is shown again")
    ] = 5
    stream_clients: Annotated[int, Meta(ge=1, description="Live streams served at once by one process")] = 2_500
    stream_debounce_ms: Annotated[
        int, Meta(ge=0, le=60_000, description="A campaign's numbers are told to live streams at most this often")
    ] = 250
    stream_slow_seconds: Annotated[
        int, Meta(ge=1, description="A live stream whose reader takes nothing for so long is let go")
    ] = 10


class CadenceStep(_Section, frozen=True, kw_only=True):
    until_seconds: Annotated[int, Meta(ge=1, description="Up to this age of a post")]
    every_seconds: Annotated[int, Meta(ge=1, description="look at it this often")]


class Cadence(_Section, frozen=True, kw_only=True):
    """How often a post is looked at by its age; beyond the last step: at that step's pace to the agreement's end."""

    steps: Annotated[tuple[CadenceStep, ...], Meta(description="How often a post is looked at, by its age")] = (
        CadenceStep(until_seconds=3_600, every_seconds=60),
        CadenceStep(until_seconds=86_400, every_seconds=300),
        CadenceStep(until_seconds=604_800, every_seconds=3_600),
        CadenceStep(until_seconds=31_536_000, every_seconds=86_400),
    )
    account_every_seconds: Annotated[
        int, Meta(ge=1, description="Look at an account (followers, new posts) this often")
    ] = 300


class HookSource(_Section, frozen=True, kw_only=True):
    """One webhook source: the last part of /hooks/{platform}/{source}."""

    signing: Annotated[tuple[str, ...], Meta(description="Signing secrets; any is valid, for rotation (secret)")] = ()
    verify_token: Annotated[str | None, Meta(description="Token of the subscription handshake (secret)")] = None


class PlatformSettings(_Section, frozen=True, kw_only=True):
    base_url: Annotated[str | None, Meta(description="Address of the platform's API; left out: its public one")] = None
    token: Annotated[str | None, Meta(description="Access token for all accounts (secret)")] = None
    tokens: Annotated[dict[str, str], Meta(description="Access token by account id (secret)")] = field(
        default_factory=dict
    )
    sources: Annotated[dict[str, HookSource], Meta(description="Webhook sources by name")] = field(default_factory=dict)
    requests_per_minute: Annotated[int, Meta(ge=1, description="Requests a minute at most, all pollers together")] = 600


class Settings(_Section, frozen=True, kw_only=True):
    """Everything. One instance a process, built by `tracker.wiring`."""

    kafka: Kafka = field(default_factory=Kafka)
    redis: Redis = field(default_factory=Redis)
    topics: TopicSettings = field(default_factory=TopicSettings)
    worker: Worker = field(default_factory=Worker)
    receiver: Receiver = field(default_factory=Receiver)
    poller: Poller = field(default_factory=Poller)
    watcher: Watcher = field(default_factory=Watcher)
    api: Api = field(default_factory=Api)
    notifiers: Notifiers = field(default_factory=Notifiers)
    cadence: Cadence = field(default_factory=Cadence)
    platforms: Annotated[dict[str, PlatformSettings], Meta(description="By platform name")] = field(
        default_factory=dict
    )
    log_level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$", description="Least level that is logged")
    ] = "info"


class UnfitSettings(ValueError):
    """Settings with which a process must not start. `setting` is the name of the one at fault."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}. Nothing was started.")
        self.setting = setting

"""The largest bodies: what a platform may send in one envelope fits through the door, and through all that follows."""

import hmac
import json

import httpx
import msgspec
import pytest

from tests.harness.brokers import Broker
from tests.ingest.doors import CLICK_SECRETS, SIGNING, Door, open_door
from tracker.codec import dead, inbox
from tracker.domain.events import CommentCreated
from tracker.ingest.publisher import LARGEST
from tracker.plugin.api import RawPayload
from tracker.plugin.reading import MAX_BODY_BYTES
from tracker.settings import HookSource, Kafka, PlatformSettings, Receiver, Settings
from tracker_instagram.adapter import Instagram

UPDATES = 1_000  # Instagram's webhooks: "batched ... with a maximum of 1000 updates"
JAPANESE = "今日の新作ゆず茶がとても美味しかったので、また買いに行きます。" * 10


def envelope(text: str) -> bytes:
    """As many comments as Meta sends at once, escaped as Meta escapes them."""
    changes = [
        {
            "field": "comments",
            "value": {
                "id": f"1784{number:013}",
                "from": {"id": f"1792{number:013}", "username": f"synthetic.fan.{number}"},
                "media": {"id": "17900000000000001", "media_product_type": "REELS"},
                "text": text,
            },
        }
        for number in range(UPDATES)
    ]
    entry = {"id": "17841400000000001", "time": 1_790_000_000, "changes": changes}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


def settings(bootstrap: str) -> Settings:
    return Settings(
        kafka=Kafka(bootstrap=bootstrap),
        receiver=Receiver(port=0, click_secrets=CLICK_SECRETS),
        platforms={"instagram": PlatformSettings(sources={"main": HookSource(signing=SIGNING)})},
    )


async def deliver(door: Door, body: bytes) -> httpx.Response:
    signature = hmac.new(SIGNING[0].encode(), body, "sha256").hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signature}"}
    return await door.client.post("/hooks/instagram/main", content=body, headers=headers)


@pytest.mark.parametrize("characters", [300, 1_000])
async def test_an_envelope_of_1000_japanese_comments_comes_through_whole(
    kafka: Broker, topic_prefix: str, characters: int
) -> None:
    text = (JAPANESE * 4)[:characters]
    body = envelope(text)
    assert len(body) > 6 * characters * UPDATES
    async with open_door(kafka.bootstrap, topic_prefix, settings(kafka.bootstrap), Instagram()) as door:
        assert (await deliver(door, body)).status_code == 200
        [raw] = await door.inbox()
    assert raw.body == body
    facts = Instagram().parse(raw)
    assert len(facts) == UPDATES
    assert {fact.text for fact in facts if isinstance(fact, CommentCreated)} == {text}


async def test_a_body_at_the_limit_comes_through_and_one_byte_more_is_413(kafka: Broker, topic_prefix: str) -> None:
    chosen = settings(kafka.bootstrap)
    limit = chosen.receiver.body_limit
    async with open_door(kafka.bootstrap, topic_prefix, chosen, Instagram()) as door:
        assert (await deliver(door, b" " * limit)).status_code == 200
        assert (await deliver(door, b" " * (limit + 1))).status_code == 413
        [raw] = await door.inbox()
    assert len(raw.body) == limit


def test_no_body_limit_can_be_set_that_kafka_or_the_readers_would_refuse() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"body_limit": Receiver().body_limit + 1}, Receiver)
    most = Receiver().body_limit
    assert most <= MAX_BODY_BYTES, "plugins read every body that the door lets in"
    assert most + inbox.MAX_HEADER_BYTES <= LARGEST, "with any headers that are kept it fits one record"


def test_a_body_at_the_limit_fits_one_record_as_a_dead_letter_too() -> None:
    raw = RawPayload(
        platform="instagram",
        source="webhook",
        name="main",
        received_at=1,
        body=b" " * Receiver().body_limit,
        headers={"x-synthetic": "x" * (inbox.MAX_HEADER_BYTES - 1_000)},
    )
    key, value, headers = inbox.encode(raw)
    origin = dead.Origin(
        reason="r" * 10_000,
        stage="inbox",
        topic="tracker.inbox",
        partition=0,
        offset=2**53,
        log="l" * 22,
        refused_by="instagram",
        at=1,
    )
    letter = dead.DeadLetter(origin, key, value, tuple(headers))
    written_key, written, written_headers = dead.encode(letter)
    size = len(written_key or b"") + len(written) + sum(len(name) + len(content) for name, content in written_headers)
    assert size <= LARGEST

"""Links: where a visitor goes, and what is then on the inbox."""

import asyncio
import json

import pytest

from tests.ingest.doors import CLICK_SECRETS, Door
from tracker.domain import click as clicks
from tracker.domain.definitions import Campaign, Link
from tracker.domain.events import DefinitionChanged
from tracker.ingest.health import Metrics
from tracker.ingest.links import ClickRecorder, with_click
from tracker.ingest.publisher import Publisher
from tracker.topics import Topics

pytestmark = pytest.mark.asyncio(loop_scope="module")


def link(code: str, destination: str | None, version: int = 1) -> DefinitionChanged:
    defined = None if destination is None else Link(id=code, campaign="spring", destination=destination)
    return DefinitionChanged(
        platform="direct", observed_at=1, kind="link", id=code, version=version, definition=defined
    )


async def until_answered(door: Door, code: str, status: int, location: str = "") -> None:
    """Definitions arrive by the registry: wait until this one did."""
    async with asyncio.timeout(10):
        while True:
            answer = await door.client.head(f"/r/{code}")
            if answer.status_code == status and answer.headers.get("location", "").startswith(location):
                return
            await asyncio.sleep(0.05)


async def test_a_followed_link_leads_to_its_destination_with_a_click_id_that_we_signed(door: Door) -> None:
    await door.apply(link("abc", "https://shop.example/p?size=m#reviews"))
    await until_answered(door, "abc", 302)
    answer = await door.client.get("/r/abc?next=https://evil.example&click_id=mine")
    assert answer.status_code == 302
    destination, _, rest = answer.headers["location"].partition("&click_id=")
    click, _, fragment = rest.partition("#")
    assert (destination, fragment) == ("https://shop.example/p?size=m", "reviews")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    (raw,) = await door.inbox()
    said = json.loads(raw.body)
    assert (raw.platform, raw.name) == ("direct", "links")
    assert (said["type"], said["click"], said["link"]) == ("link.clicked", click, "abc")
    assert clicks.read(click, CLICK_SECRETS) == clicks.Click("abc", said["observed_at"])


async def test_a_head_request_is_no_click(door: Door) -> None:
    await door.apply(link("head", "https://shop.example/"))
    await until_answered(door, "head", 302)
    assert (await door.client.head("/r/head")).headers["location"] == "https://shop.example/"
    assert await door.inbox() == []


@pytest.mark.parametrize("code", ["nosuch", "..", "%2e%2e", "a%00b", "https:%2f%2fevil.example", "x" * 3_000])
async def test_an_unknown_link_is_404_and_leads_nowhere(door: Door, code: str) -> None:
    answer = await door.client.get(f"/r/{code}")
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert await door.inbox() == []


async def test_a_changed_link_leads_to_its_newest_version_and_a_deleted_one_nowhere(door: Door) -> None:
    await door.apply(link("moves", "https://one.example/"))
    await until_answered(door, "moves", 302, "https://one.example/")
    await door.apply(link("moves", "https://two.example/", version=2))
    await until_answered(door, "moves", 302, "https://two.example/")
    await door.apply(link("moves", "https://three.example/", version=3))
    await until_answered(door, "moves", 302, "https://three.example/")
    await door.apply(link("moves", None, version=4))
    await until_answered(door, "moves", 404)


async def test_other_definitions_and_unreadable_ones_do_not_stop_the_follower(door: Door) -> None:
    campaign = Campaign(id="spring", name="Spring", starts_at=0, ends_at=1)
    await door.apply(
        DefinitionChanged(
            platform="direct", observed_at=1, kind="campaign", id="spring", version=1, definition=campaign
        )
    )
    publisher = Publisher(door.bootstrap, door.topics)
    await publisher.start()
    await publisher.publish("registry", b"link:broken", b"{")
    await publisher.stop()
    await door.apply(link("after", "https://shop.example/"))
    await until_answered(door, "after", 302)
    assert 'tracker_definitions_read_total{outcome="unreadable"} 1.0' in await door.metrics()


@pytest.mark.parametrize(
    ("destination", "led_to"),
    [
        ("https://a.example", "https://a.example?click_id=C"),
        ("https://a.example/?", "https://a.example/?click_id=C"),
        ("https://a.example/?a=1&", "https://a.example/?a=1&click_id=C"),
        ("https://a.example/?a=%20b", "https://a.example/?a=%20b&click_id=C"),
        ("https://a.example/#x?y", "https://a.example/?click_id=C#x?y"),
        ("https://a.example/é", "https://a.example/%C3%A9?click_id=C"),
        ("https://a.example/\x01\x7f", "https://a.example/%01%7F?click_id=C"),
    ],
)
async def test_a_destinations_own_query_and_fragment_stay(destination: str, led_to: str) -> None:
    assert with_click(destination, "C") == led_to


@pytest.mark.slow
async def test_clicks_that_are_lost_are_counted_and_said() -> None:
    nowhere, metrics = Publisher("127.0.0.1:1", Topics()), Metrics()
    recorder = ClickRecorder(nowhere, metrics, limit=2)
    for number in range(5):
        async with asyncio.timeout(1):
            await recorder.record((b"key", b"%d" % number, []))
    assert b'tracker_clicks_total{outcome="delayed"} 2.0' in metrics.text()
    assert b'tracker_clicks_total{outcome="lost"} 3.0' in metrics.text()
    await recorder.drain(0.2)
    assert b'tracker_clicks_total{outcome="lost"} 5.0' in metrics.text()
    await nowhere.stop()

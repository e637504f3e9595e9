"""Keys: one module formats them, one page explains them, and the server holds no others."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from tests.domain.alerting import an_alert
from tests.notify.told import an_event
from tests.store.contract import ANA, COMMERCE, CROWD, GLOW, SEVEN, first
from tracker.codec.alerts import encode
from tracker.domain.counters import CAMPAIGN_SCOPE, WORD_OF_MOUTH, Scope
from tracker.ingest.budget import SharedBudget
from tracker.notify.lane import Attempt, after
from tracker.notify.queue import Queue
from tracker.plugin.notifiers import Delivered
from tracker.store import keys
from tracker.store.alerts import AlertShelf, RuleSaid
from tracker.store.base import Change, Cursor, Partition
from tracker.store.held import Hold, Holds
from tracker.store.redis import RedisStore
from tracker.store.views import switch_view

PAGE = Path(__file__).parents[2] / "docs/reference/redis.md"
SLUGS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)
WHO = SLUGS | st.sampled_from([CAMPAIGN_SCOPE, WORD_OF_MOUTH])
THREE = Partition("activity", 3)


def test_the_page_lists_exactly_the_kinds_of_keys_there_are() -> None:
    rows = re.findall(r"^\| `(<prefix>[^`]*)` \| (\w+) \| \S", PAGE.read_text(), re.MULTILINE)
    assert rows == [(kind.pattern, kind.type) for kind in keys.KINDS]


@given(SLUGS, WHO)
def test_a_scope_can_be_read_back_from_its_text(campaign: str, who: str) -> None:
    assert keys.read_scope(keys.scope_text(Scope(campaign, who))) == Scope(campaign, who)
    assert keys.read_total(keys.total(who)) == who


@pytest.mark.parametrize("bad", ["", "a:b", "a}b", "{a", "a b", "ü", "a\n"])
def test_what_would_break_a_key_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a Redis key"):
        keys.scope_text(Scope(bad))
    with pytest.raises(ValueError, match="cannot be part of a Redis key"):
        keys.Keys("tracker", bad)
    with pytest.raises(ValueError, match="cannot be part of a Redis key"):
        keys.Keys("tracker", "v1").of_campaign(bad)


async def test_every_key_in_the_server_is_of_a_documented_kind_and_type(redis_url: str) -> None:
    store = await RedisStore.connect(redis_url)
    await store.check()
    for partition in (SEVEN, COMMERCE):
        await store.apply(partition, first(**EVERYTHING))
        await store.lease(partition, now=10, limit=1, lease_ms=10)
    await store.write_totals("spring-glow", {GLOW: {"likes": 1}, ANA: {"likes": 1}, CROWD: {"likes": 1}})
    await switch_view(store.client, "tracker", expected="v1", to="v1")
    await SharedBudget(store.client, store.address, "tracker").take("tiktok", 60, 1)
    await Holds(store.client, store.address, "tracker").tell("tiktok", Hold(until=9, reason="quota", at=1))
    shelf = AlertShelf(store.client, store.address, "tracker")
    await shelf.put("spring-glow", [an_alert()])
    await shelf.say("", [RuleSaid(rule="system.lag", at=1)])
    queue = Queue(store.client, store.address, "tracker")
    for number in (1, 2):  # one delivered, one that waits
        event = an_event(number, now=1)
        await queue.put("ops", event, encode(event), 1)
    (first_one, *_) = (await queue.take("ops", 1, lease_ms=100, limit=1)).leased
    stands = after(first_one.delivery, Attempt(Delivered(), 200), 1, queue.keeping.give_up_ms, 0.5)
    await queue.settle(first_one, stands, 1)
    await store.close()
    with Redis.from_url(redis_url, decode_responses=True) as client:
        found = {key: client.type(key) for key in client.scan_iter()}
    kinds = {kind: re.compile(_pattern(kind.pattern)) for kind in keys.KINDS}
    of_kind = {key: [k for k, pattern in kinds.items() if pattern.fullmatch(key)] for key in found}
    assert {key: [kind.type for kind in each] for key, each in of_kind.items()} == {k: [t] for k, t in found.items()}
    assert {kind.pattern for each in of_kind.values() for kind in each} == {kind.pattern for kind in keys.KINDS}


async def test_the_example_of_the_page_is_what_redis_answers(redis_url: str) -> None:
    store = await RedisStore.connect(redis_url)
    counted = {"posts": 2, "posts.live": 2, "likes": 340, "likes.known": 1, "likes.unknown": 1}
    counted |= {"views": 5200, "views.known": 2}
    more = {"posts": 1, "posts.live": 1, "likes": 25, "likes.known": 1, "views.unknown": 1}
    await store.apply(
        THREE, Change(expected=Cursor(), next=Cursor(1204, "x3Vb1Q"), increments={GLOW: counted, ANA: counted})
    )
    await store.apply(SEVEN, first(increments={GLOW: more}))
    merged = {name: counted.get(name, 0) + more.get(name, 0) for name in counted | more}
    await store.write_totals("spring-glow", {GLOW: merged, ANA: counted})
    await store.close()
    with Redis.from_url(redis_url, decode_responses=True) as client:
        shown = list(_examples())
        assert len(shown) >= 5
        for command, expected in shown:
            answer = client.execute_command(*command)
            flat = [part for pair in answer.items() for part in pair] if isinstance(answer, dict) else list(answer)
            if command[0] in ("SMEMBERS", "HGETALL"):  # neither has an order of its own
                assert sorted(flat) == sorted(map(str, expected)), command
            else:
                assert flat == expected, command


EVERYTHING = {
    "pieces": {"a": b"1"},
    "increments": {GLOW: {"likes": 1}, ANA: {"likes": 1}},
    "minutes": {GLOW: {"likes@1": 1}},
    "hours": {GLOW: {"likes@1": 1}},
    "fresh": {GLOW: {"poll": 1}},
    "definitions": {"link:a": b"{}"},
    "origins": {"log/0": "1/1"},
    "marks": {"observed": 1},
    "term_adds": {"tag:glow": {"a"}},
    "due": {"i": 1, "j": 2},
    "seen": {5: {"r"}},
}


def _pattern(kind: str) -> str:
    parts = {"prefix": "tracker", "view": r"v\d+", "stage": "[a-z]+", "n": r"\d+", "day": r"\d+"}
    return re.sub(r"<(\w+)>", lambda m: parts.get(m[1], ".+"), re.sub(r"([{}])", r"\\\1", kind))


def _examples() -> Iterator[tuple[list[str], list[str | None]]]:
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for example in block.split("$ redis-cli --no-raw ")[1:]:
            command, _, answer = example.partition("\n")
            yield shlex.split(command), [text or None for text in re.findall(r'\) (?:"(.*)"|\(nil\))', answer)]

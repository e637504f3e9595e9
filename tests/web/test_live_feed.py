"""The feed's laws: whoever reads along, however slowly and with whatever breaks, ends where all others end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.domain.alerting import judged
from tests.web.live_client import Client
from tracker.domain.alerts import Alert, advance, place
from tracker.domain.verdicts import Subject
from tracker.web.live_events import KINDS, LiveNumber, ScopeNow
from tracker.web.live_feed import VERSIONS, Feed, Wants

ALL = Wants()
CAMPAIGNS = ("autumn", "spring")


def number(name: str, value: int | None, currency: str | None = None) -> LiveNumber:
    return LiveNumber(
        name=name, value=value, unit="count", basis="as counted", known=None, unknown=None, currency=currency
    )


def scope(at: int | None = 1, **values: int | None) -> ScopeNow:
    return ScopeNow(
        sources=("webhook",), at=at, numbers={(name, None): number(name, value) for name, value in values.items()}
    )


def alert_of(campaign: str, post: str, known: Alert | None = None, *, passes: bool = False, now: int = 1) -> Alert:
    subject = Subject(campaign=campaign, creator="anna", platform="youtube", account="UC-anna", post=post)
    said = replace(judged("pass" if passes else "fail", subject=subject), campaign=campaign)
    made = advance(known, said, (), now)
    assert made is not None
    return made


class Reader:
    """A client at one feed after another, as a connection to the hub would serve it."""

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.client = Client()
        self.cursor: int | None = None

    def connect(self, feed: Feed, standing: list[Alert]) -> None:
        told = feed.begin(self.wants, self.client.last_id, standing)
        assert told.data is not None
        self.client.take(told.data)
        self.cursor = told.cursor

    def read(self, feed: Feed, standing: list[Alert], cut: float | None = None) -> None:
        """Take what there is; `cut`: the connection breaks after this share of the bytes."""
        if self.cursor is None:
            self.connect(feed, standing)
            return
        told = feed.since(self.cursor, self.wants)
        if told is None:  # dropped: it comes back
            self.leave()
            self.connect(feed, standing)
            return
        data = told.data or b""
        if cut is None:
            self.client.take(data)
            self.cursor = told.cursor
        else:
            self.client.take(data[: int(len(data) * cut)])
            self.leave()

    def leave(self) -> None:
        self.client.cut_off()
        self.cursor = None


values = st.dictionaries(st.sampled_from(["likes", "views", "clicks"]), st.none() | st.integers(0, 3), max_size=3)
worlds = st.dictionaries(
    st.sampled_from(["", "~wom", "anna"]), st.tuples(st.integers(1, 3), values), min_size=1, max_size=3
)


class Story(RuleBasedStateMachine):
    """Anything happens in any order; then everybody reads to the end."""

    @initialize()
    def begin(self) -> None:
        self.truth: dict[str, Mapping[str, ScopeNow]] = {}
        self.standing: dict[str, Alert] = {}
        self.away: set[str] = set()
        self.epochs = 0
        self._another_process()
        self.readers = [
            Reader(ALL),
            Reader(Wants(campaigns=frozenset({"spring"}))),
            Reader(Wants(kinds=frozenset({"campaign"}))),
            Reader(Wants(campaigns=frozenset({"autumn"}), kinds=frozenset({"alert"}))),
        ]
        self.steady = Reader(ALL)

    def _another_process(self) -> None:
        self.epochs += 1
        self.feed = Feed(f"e{self.epochs}", alerts=3)
        for name, scopes in self.truth.items():
            self.feed.put_campaign(name, scopes)
        for part in self.away:
            self.feed.put_away(part, 5)

    @rule(name=st.sampled_from(CAMPAIGNS), world=worlds)
    def counted(self, name: str, world: dict[str, tuple[int, dict[str, int | None]]]) -> None:
        self.truth[name] = {who: scope(at, **row) for who, (at, row) in world.items()}
        self.feed.put_campaign(name, self.truth[name])

    @rule(name=st.sampled_from(CAMPAIGNS), post=st.sampled_from("pq"), passes=st.booleans())
    def judged(self, name: str, post: str, passes: bool) -> None:
        known = next((one for one in self.standing.values() if (one.campaign, one.subject.post) == (name, post)), None)
        if known is None and passes:
            return
        changed = alert_of(name, post, known, passes=passes, now=self.feed.seq + 100)
        if changed != known and (known is None or changed.serial != known.serial):
            self.standing[place(changed)] = changed
            self.feed.put_alert(changed)

    @rule(part=st.sampled_from(["kafka", "redis"]), gone=st.booleans())
    def a_part_goes_or_comes(self, part: str, gone: bool) -> None:
        (self.away.add if gone else self.away.discard)(part)
        self.feed.put_away(part, 5 if gone else None)

    @rule(who=st.integers(0, 3), cut=st.none() | st.floats(0, 1))
    def reads(self, who: int, cut: float | None) -> None:
        self.readers[who].read(self.feed, [*self.standing.values()], cut)

    @rule(who=st.integers(0, 3))
    def leaves(self, who: int) -> None:
        self.readers[who].leave()

    @rule(name=st.sampled_from(CAMPAIGNS))
    @precondition(lambda self: bool(self.truth))
    def is_watched_by_nobody_for_a_while(self, name: str) -> None:
        self.feed.forget(name)
        if name in self.truth:
            self.feed.put_campaign(name, self.truth[name])

    @rule()
    def starts_again(self) -> None:
        self._another_process()
        for reader in (*self.readers, self.steady):
            reader.leave()

    @invariant()
    def steady_reads_all(self) -> None:
        self.steady.read(self.feed, [*self.standing.values()])

    def teardown(self) -> None:
        if not hasattr(self, "feed"):
            return
        for reader in self.readers:
            for _ in range(2):  # the first may be refused, as lost
                reader.read(self.feed, [*self.standing.values()])
            self._holds(reader)
        self._holds(self.steady)
        if self.epochs == 1:  # with the ring of three it misses nothing that it was there for
            assert self.steady.client.lost == []

    def _holds(self, reader: Reader) -> None:
        client, wants = reader.client, reader.wants
        expected = {
            (name, who): {key: value.value for key, value in now.numbers.items()}
            for name, scopes in self.truth.items()
            for who, now in scopes.items()
            if now.numbers and wants.sees(name) and "campaign" in wants.kinds
        }
        held = {place: {key: one["value"] for key, one in row.items()} for place, row in client.numbers.items()}
        assert held == expected
        assert {place: client.heard[place][0] for place in held} == {
            (name, who): self.truth[name][who].at for name, who in expected
        }
        assert client.open_alerts == {
            (one.id, one.serial)
            for one in self.standing.values()
            if one.state != "resolved" and wants.sees(one.campaign) and "alert" in wants.kinds
        }
        assert set(client.away) == self.away


Story.TestCase.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
TestAnyInterleaving = Story.TestCase


@given(looks=st.lists(st.integers(0, 5), max_size=10))
def test_alerts_are_told_each_once_and_in_order_as_long_as_the_ring_holds_them(looks: list[int]) -> None:
    feed, reader = Feed("e", alerts=5), Reader(ALL)
    reader.connect(feed, [])
    told: list[str] = []
    for count in looks:
        for _ in range(count):
            fired = alert_of("spring", f"p{len(told)}")
            feed.put_alert(fired)
            told.append(f"{fired.id}-{fired.serial}")
        reader.read(feed, [])
    assert reader.client.alert_ids == told
    assert reader.client.lost == []


def test_a_reader_behind_the_ring_is_told_that_it_lost_something() -> None:
    feed, late = Feed("e", alerts=2), Reader(ALL)
    late.connect(feed, [])
    for post in "abc":
        feed.put_alert(alert_of("spring", post))
    assert feed.since(0, ALL) is None
    assert feed.since(0, Wants(kinds=frozenset({"campaign"}))) is not None
    assert feed.since(1, ALL) is not None
    late.leave()
    late.connect(feed, [])
    assert late.client.lost == ["forgotten"]
    assert late.client.resumed == [False, False]


def test_the_ring_holds_no_more_bytes_than_it_may() -> None:
    feed = Feed("e", size=20_000)
    for post in range(200):
        feed.put_alert(alert_of("spring", str(post)))
    kept = feed.since(199, ALL)
    assert kept is not None
    assert kept.data is not None
    assert feed.since(0, ALL) is None
    oldest = next(seq for seq in range(201) if feed.since(seq, ALL) is not None)
    held = feed.since(oldest, ALL)
    assert held is not None
    assert len(held.data or b"") < 21_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda id: id.replace("e-", "f-"), "another_process"),
        (lambda id: "e-999-" + id[-8:], "bad_id"),
        (lambda id: "nonsense", "bad_id"),
        (lambda id: id[:-8] + "00000000", "another_question"),
    ],
)
def test_an_id_that_says_nothing_of_what_is_lacked_is_answered_with_everything(change: Any, reason: str) -> None:
    feed, reader = Feed("e"), Reader(ALL)
    feed.put_campaign("spring", {"": scope(likes=1)})
    reader.connect(feed, [])
    reader.client.last_id = change(reader.client.last_id)
    feed.put_campaign("spring", {"": scope(likes=2)})
    reader.connect(feed, [])
    assert reader.client.lost == [reason]
    assert reader.client.numbers["spring", ""]["likes", None]["value"] == 2


def test_who_comes_back_with_another_question_is_told_what_it_never_asked_for() -> None:
    feed = Feed("e")
    feed.put_campaign("autumn", {"": scope(likes=7)})
    reader = Reader(Wants(campaigns=frozenset({"spring"})))
    reader.connect(feed, [])
    reader.wants = Wants(campaigns=frozenset({"spring", "autumn"}))
    reader.connect(feed, [])
    assert reader.client.numbers["autumn", ""]["likes", None]["value"] == 7


def test_only_what_changed_is_told_and_a_number_that_went_is_told_as_gone() -> None:
    feed, reader = Feed("e"), Reader(ALL)
    feed.put_campaign("spring", {"": scope(likes=1, views=9), "anna": scope(likes=1)})
    reader.connect(feed, [])
    feed.put_campaign("spring", {"": scope(likes=2, views=9), "anna": scope(likes=1)})
    told = feed.since(reader.cursor or 0, ALL)
    assert told is not None
    assert told.data is not None
    assert b'"likes"' in told.data
    assert b'"views"' not in told.data
    assert b"anna" not in told.data
    feed.put_campaign("spring", {"": scope(views=9)})
    reader.read(feed, [])
    assert set(reader.client.numbers["spring", ""]) == {("views", None)}
    assert ("spring", "anna") not in reader.client.numbers


def test_what_stands_as_before_is_told_to_nobody() -> None:
    feed = Feed("e")
    assert feed.put_campaign("spring", {"": scope(likes=1)})
    assert not feed.put_campaign("spring", {"": scope(likes=1)})
    assert feed.put_campaign("spring", {"": scope(at=2, likes=1)})


def test_what_is_told_to_many_is_encoded_once() -> None:
    feed = Feed("e")
    feed.put_campaign("spring", {"": scope(likes=1)})
    feed.put_campaign("spring", {"": scope(likes=2)})
    one, other = feed.since(1, Wants()), feed.since(1, Wants(kinds=KINDS))
    assert one is not None
    assert other is not None
    assert one.data is other.data


def test_a_campaign_that_changes_for_ever_is_kept_in_so_much_and_no_more() -> None:
    feed = Feed("e")
    for value in range(10 * VERSIONS):
        feed.put_campaign("spring", {"": scope(likes=value)})
    known = feed._campaigns["spring"]
    assert len(known.versions) == VERSIONS
    for cursor in range(feed.seq):
        feed.since(cursor, ALL)
    assert len(known.patches) <= VERSIONS + 1


def test_at_first_only_what_is_open_is_told_as_the_latest_word_has_it() -> None:
    feed = Feed("e")
    held = replace(alert_of("spring", "held"), state="pending")
    fired = alert_of("spring", "fired")
    noted = replace(fired, serial=fired.serial + 1, severity="critical")
    resolved = alert_of("spring", "gone")
    ended = replace(resolved, serial=resolved.serial + 1, state="resolved", what="resolved")
    for later in (noted, ended):
        feed.put_alert(later)  # the book of open alerts, which is read by another way, is still behind
    reader = Reader(ALL)
    reader.connect(feed, [held, fired, resolved])
    assert reader.client.open_alerts == {(noted.id, noted.serial)}
    reader = Reader(ALL)
    reader.connect(feed, [held, replace(noted, serial=noted.serial + 1), ended])  # and now it is ahead
    assert reader.client.open_alerts == {(noted.id, noted.serial + 1)}
    assert len(reader.client.alert_ids) == 1

"""Facts are what was counted, whole and each post in its place; both stores say the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from tests.gather.told import PARTITIONS, Told, define, home, say, told
from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Link
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts, QuotaFacts, RuleFailure, Said
from tracker.domain.posts import Post
from tracker.gather import Gatherer
from tracker.gather.assembly import Cast, Found, assembled
from tracker.store.base import Loaded, Partition, Store
from tracker.store.memory import MemoryStore
from tracker.store.redis import RedisStore

T = 20_000 * 86_400_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

SPRING = Campaign(id="spring", name="Spring", starts_at=T - DAY, ends_at=T + 30 * DAY, hashtags=("spring",))
AUTUMN = Campaign(id="autumn", name="Autumn", starts_at=T - DAY, ends_at=T + 30 * DAY)
ANA = Creator(
    id="ana",
    name="Synthetic Ana",
    accounts=(AccountRef(platform="youtube", account="UC-ana"), AccountRef(platform="tiktok", account="ana")),
)
BEN = Creator(
    id="ben",
    name="Synthetic Ben",
    accounts=(AccountRef(platform="instagram", account="ben"), AccountRef(platform="youtube", account="UC-ben")),
)
DEAL = Agreement(id="deal", campaign="spring", creator="ana", hashtags=("ad",), codes=("ANA10",))
BENS = Agreement(
    id="bens", campaign="spring", creator="ben", hashtags=("ad",), submitted=("https://example.com/of-a-friend",)
)
OTHER = Agreement(id="other", campaign="autumn", creator="ana", hashtags=("leaves",))
LINK = Link(id="go", campaign="spring", creator="ana", destination="https://shop.example/")
SCENE = (SPRING, AUTUMN, ANA, BEN, DEAL, BENS, OTHER, LINK)


def post(
    id: str,
    text: str,
    *,
    platform: str = "youtube",
    account: str = "UC-ana",
    published: int | None = T,
    permalink: str | None = None,
) -> ev.PostPublished:
    return ev.PostPublished(
        platform=platform,
        account=account,
        post=id,
        observed_at=T + MINUTE,
        occurred_at=published,
        text=text,
        permalink=permalink,
    )


def likes(id: str, count: int, *, at: int = T + HOUR, platform: str = "youtube", account: str = "UC-ana") -> ev.Fact:
    return ev.ReactionObserved(platform=platform, account=account, post=id, observed_at=at, likes=count)


def ids(posts: Collection[PostFacts]) -> list[str]:
    return [one.post for one in posts]


def of(facts: CampaignFacts, creator: str) -> CreatorFacts:
    [found] = [one for one in facts.creators if one.creator.id == creator]
    return found


async def gathered(gatherer: Gatherer, campaign: str = "spring") -> CampaignFacts:
    facts = await gatherer.campaign(campaign)
    assert facts is not None
    return facts


class GatherContract:
    """What holds of every store."""

    @pytest.fixture
    async def book(self, store: Store) -> Told:
        book = told()
        await define(store, book, *SCENE, at=T - HOUR)
        return book

    @pytest.fixture
    def gatherer(self, store: Store, book: Told) -> Gatherer:
        return Gatherer(store, PARTITIONS, book)

    async def test_no_campaign_no_facts(self, gatherer: Gatherer) -> None:
        assert await gatherer.campaign("winter") is None

    async def test_a_campaign_of_which_nothing_was_heard_has_its_people_and_nothing_else(
        self, gatherer: Gatherer
    ) -> None:
        facts = await gathered(gatherer)
        assert (facts.campaign, facts.links) == (SPRING, (LINK,))
        assert [(one.creator, one.agreements) for one in facts.creators] == [(ANA, (DEAL,)), (BEN, (BENS,))]
        assert [(one.platform, one.account, one.followers) for one in of(facts, "ana").accounts] == [
            ("youtube", "UC-ana", ()),
            ("tiktok", "ana", ()),
        ]
        assert (facts.posts(), facts.totals, facts.fresh, facts.minutes, facts.hours) == ((), {}, {}, {}, {})

    async def test_each_post_stands_where_it_counts(self, store: Store, gatherer: Gatherer) -> None:
        await say(
            store,
            post("agreed", "new #ad"),
            post("agreed-too", "#ad", platform="tiktok", account="ana"),
            post("normal", "my garden"),
            post("elsewhere", "#leaves"),
            post("loose", "#spring only"),
            post("fan", "love #spring", account="UC-fan"),
            post("friend", "hello", account="UC-friend", permalink="https://example.com/of-a-friend?utm_source=x"),
            post("stranger", "nothing", account="UC-nobody"),
        )
        facts = await gathered(gatherer)
        ana = of(facts, "ana")
        assert {one.post: one.how for one in ana.posts} == {
            "agreed": "agreement",
            "agreed-too": "agreement",
            "loose": "word_of_mouth",
        }
        assert [(one.post, one.how, one.campaigns) for one in ana.normal] == [("normal", None, ())]
        assert (of(facts, "ben").posts, of(facts, "ben").normal) == ((), ())
        assert [(one.post, one.how, one.creator) for one in facts.others] == [
            ("fan", "word_of_mouth", ""),
            ("friend", "submitted", "ben"),
        ]
        assert facts.totals[""]["posts"] == 3
        assert {who: row["posts"] for who, row in facts.totals.items()} == {"": 3, "ana": 2, "ben": 1, "~wom": 2}

    async def test_a_post_that_counts_for_several_campaigns_says_so_in_each(
        self, store: Store, gatherer: Gatherer
    ) -> None:
        await say(store, post("both", "#ad #leaves"))
        for campaign in ("spring", "autumn"):
            [one] = of(await gathered(gatherer, campaign), "ana").posts
            assert (one.how, one.campaigns) == ("agreement", ("autumn", "spring"))

    async def test_a_creators_post_submitted_for_another_is_the_other_ones(
        self, store: Store, gatherer: Gatherer
    ) -> None:
        await say(store, post("lent", "hello", permalink="https://example.com/of-a-friend"))
        facts = await gathered(gatherer)
        assert of(facts, "ana").posts == of(facts, "ben").posts == ()
        assert [(one.post, one.how, one.creator) for one in facts.others] == [("lent", "submitted", "ben")]

    async def test_what_is_known_of_a_post_and_an_account_is_told_whole(self, store: Store, gatherer: Gatherer) -> None:
        audience = ev.AudienceObserved(platform="youtube", account="UC-ana", observed_at=T - HOUR, followers=5_000)
        await say(store, audience, post("p", "new #ad"), likes("p", 40), source="poll")
        facts = await gathered(gatherer)
        [one] = of(facts, "ana").posts
        assert (one.text, one.followers, one.total("likes"), one.total("views")) == (
            Said(T + MINUTE, "new #ad"),
            5_000,
            40,
            None,
        )
        assert [(row[0], row[3]) for row in one.curve] == [(HOUR, 40)]
        assert (one.published_at, one.live, one.live_at, one.polled_at) == (T, True, T + HOUR, T + HOUR)
        account = of(facts, "ana").accounts[0]
        assert (account.followers, account.polled_at) == (((T - HOUR, 5_000),), T - HOUR)

    async def test_sums_are_of_all_partitions(self, store: Store, gatherer: Gatherer) -> None:
        assert home("youtube:UC-ana") != home("instagram:ben")
        await say(store, post("p", "#ad"), likes("p", 40))
        await say(
            store,
            post("q", "#ad", platform="instagram", account="ben"),
            likes("q", 2, at=T + 2 * HOUR, platform="instagram", account="ben"),
            source="poll",
        )
        await say(
            store,
            ev.LinkClicked(platform="direct", click="k1", link="go", observed_at=T + 3 * HOUR),
            ev.ConversionRecorded(
                platform="direct", order="o1", amount=1_200, currency="EUR", code="ana10", observed_at=T + 3 * HOUR
            ),
        )
        facts = await gathered(gatherer)
        assert facts.totals[""]["likes"] == 42
        assert facts.totals["ana"]["revenue.EUR"] == 1_200
        assert facts.fresh[""] == {"webhook": T + 3 * HOUR, "poll": T + 2 * HOUR}
        assert facts.fresh["ben"] == {"poll": T + 2 * HOUR}
        first = T // HOUR
        assert facts.hours == {
            f"likes@{first + 1}": 40,
            f"likes@{first + 2}": 2,
            f"clicks@{first + 3}": 1,
            f"conversions@{first + 3}": 1,
            f"revenue.EUR@{first + 3}": 1_200,
        }
        assert sum(amount for name, amount in facts.minutes.items() if name.startswith("likes@")) == 42

    async def test_the_newest_word_of_mouth_is_given_and_what_is_left_out_is_told(
        self, store: Store, book: Told
    ) -> None:
        # Each fan's account lives in the partition that its name leads to: the cut is over all of them.
        fans = [post(f"fan-{n}", "#spring", account=f"UC-{n}", published=T + n) for n in range(9)]
        await say(store, *fans, post("friend", "hi", account="UC-f", permalink="https://example.com/of-a-friend"))
        with capture_logs() as logs:
            facts = await gathered(Gatherer(store, PARTITIONS, book, others_at_most=4))
        assert ids(facts.others) == ["friend", "fan-5", "fan-6", "fan-7", "fan-8"]
        assert facts.totals["~wom"]["posts"] == 9
        assert [(each["posts"], each["given"]) for each in logs] == [(9, 4)]

    async def test_the_newest_are_found_wherever_they_are_read(self, store: Store, book: Told) -> None:
        # Pieces are read in the order of their keys, 500 at a time: here the newest come first.
        await say(store, *(post(f"fan-{n:03}", "#spring", account="UC-fan", published=T - n) for n in range(501)))
        facts = await gathered(Gatherer(store, PARTITIONS, book, others_at_most=2))
        assert ids(facts.others) == ["fan-001", "fan-000"]

    async def test_nothing_is_told_where_nothing_is_left_out(self, store: Store, gatherer: Gatherer) -> None:
        await say(store, post("fan", "#spring", account="UC-fan"))
        with capture_logs() as logs:
            assert len((await gathered(gatherer)).others) == 1
        assert logs == []

    async def test_the_posts_of_an_account_come_oldest_first_whatever_they_count_for(
        self, store: Store, gatherer: Gatherer
    ) -> None:
        await say(store, post("b", "#ad", published=T + 2), post("a", "garden", published=T + 3))
        found = await gatherer.posts_of_account("youtube", "UC-ana")
        assert [(one.post, one.creator, one.how, one.campaigns) for one in found] == [
            ("b", "ana", None, ("spring",)),
            ("a", "ana", None, ()),
        ]
        assert await gatherer.posts_of_account("youtube", "UC-nobody") == []

    async def test_a_post_is_found_by_its_place_and_another_is_not(self, store: Store, gatherer: Gatherer) -> None:
        await say(store, post("fan", "#spring", account="UC-fan"))
        found = await gatherer.post("youtube", "UC-fan", "fan")
        assert found is not None
        assert (found.post, found.creator) == ("fan", "")
        assert await gatherer.post("youtube", "UC-fan", "other") is None

    async def test_an_unchanged_post_is_decoded_once(self, store: Store, gatherer: Gatherer) -> None:
        await say(store, post("p", "#ad"), post("q", "#ad"))
        await gathered(gatherer)
        before = gatherer.decoded
        await say(store, likes("p", 1))
        facts = await gathered(gatherer)
        assert gatherer.decoded == before + 1
        assert facts.totals[""]["likes"] == 1
        assert sorted(one.total("likes") or 0 for one in facts.posts()) == [0, 1]

    async def test_the_pipelines_lag_is_what_the_log_has_beyond_the_cursor(
        self, store: Store, gatherer: Gatherer
    ) -> None:
        told_already = (await store.open(Partition("activity", 1))).cursor.next_offset
        ends = {Partition("activity", 1): told_already + 7, Partition("commerce", 0): 0, Partition("inbox", 2): 3}
        facts = await gatherer.pipeline(now=T, ends=ends)
        lags = {(one.stage, one.number): one.lag for one in facts.partitions}
        assert len(lags) == 3 * PARTITIONS
        assert {at: lag for at, lag in lags.items() if lag is not None} == {
            ("activity", 1): 7,
            ("commerce", 0): 0,
            ("inbox", 2): 3,
        }

    async def test_platforms_are_watched_while_a_campaign_of_theirs_runs(
        self, store: Store, gatherer: Gatherer
    ) -> None:
        assert (await gatherer.pipeline(now=T, ends={})).watched == ("instagram", "tiktok", "youtube")
        assert (await gatherer.pipeline(now=SPRING.ends_at, ends={})).watched == ()
        assert (await gatherer.pipeline(now=SPRING.starts_at - 1, ends={})).watched == ()

    async def test_a_platform_is_heard_by_every_door_whatever_it_says(self, store: Store, gatherer: Gatherer) -> None:
        await say(store, post("p", "#ad"), likes("p", 5, at=T + 7))
        await say(store, post("q", "x", account="UC-stranger"), likes("p", 4, at=T + 2), source="poll")
        sale = ev.ConversionRecorded(platform="shop", order="o", amount=1, currency="EUR", observed_at=T + 3)
        await say(store, sale, source="import")
        assert (await gatherer.pipeline(now=T, ends={})).heard == {
            "youtube": {"webhook": T + MINUTE, "poll": T + MINUTE},
            "shop": {"import": T + 3},
        }
        await say(store, likes("p", 6, at=T + HOUR), source="poll")
        await say(store, likes("p", 6, at=T + 1), source="poll")
        assert (await gatherer.pipeline(now=T, ends={})).heard["youtube"]["poll"] == T + HOUR

    async def test_a_code_that_no_agreement_names_is_told_until_one_does(
        self, store: Store, book: Told, gatherer: Gatherer
    ) -> None:
        def sold(order: str, code: str | None, at: int = T) -> ev.Fact:
            return ev.ConversionRecorded(
                platform="shop", order=order, amount=1, currency="EUR", code=code, observed_at=at
            )

        async def codes(now: int = T) -> list[tuple[str, int, int]]:
            found = (await gatherer.pipeline(now=now, ends={})).codes
            return [(one.code, one.orders, one.last_at) for one in found]

        await say(store, *(sold(f"o{n}", "Bens5 ", T + n) for n in range(9)), sold("a", "ana10"), sold("b", None))
        await say(store, sold("x", "XMAS", T - 6 * DAY), sold("y", "XMAS", T - 7 * DAY))
        assert await codes() == [("bens5", 9, T + 8), ("xmas", 1, T - 6 * DAY)]
        assert await codes(T + 7 * DAY) == []
        await define(store, book, structs.replace(BENS, codes=("BENS5",)), at=T)
        assert await codes() == [("xmas", 1, T - 6 * DAY)]
        await define(store, book, BENS, at=T)
        assert await codes() == [("bens5", 9, T + 8), ("xmas", 1, T - 6 * DAY)]

    async def test_what_the_store_does_not_know_is_handed_on(self, gatherer: Gatherer) -> None:
        quota = QuotaFacts(platform="youtube", blocked_until=T + DAY, reason="quota", at=T)
        failure = RuleFailure(rule="speed.slow", plugin="x", campaign="spring", reason="too slow", at=T)
        facts = await gatherer.pipeline(now=T, ends={}, letters=(T + 2, T + 1), quotas=(quota,), failures=(failure,))
        assert (facts.letters, facts.quotas, facts.failures) == ((T + 1, T + 2), (quota,), (failure,))


class TestMemory(GatherContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestRedis(GatherContract):
    @pytest.fixture
    async def store(self, redis_url: str, redis_prefix: str) -> AsyncIterator[RedisStore]:
        store = await RedisStore.connect(redis_url, prefix=redis_prefix)
        yield store
        await store.close()


class CountingStore(MemoryStore):
    """Remembers how often each partition was asked for pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[Partition] = []

    async def load(self, partition: Partition, pieces: Collection[str], terms: Collection[str]) -> Loaded:
        self.loads.append(partition)
        return await super().load(partition, pieces, terms)


async def test_a_partition_is_asked_for_no_post_one_by_one() -> None:
    store, book = CountingStore(), told()
    await define(store, book, *SCENE, at=T - HOUR)
    await say(store, *(post(f"p-{n}", "#ad") for n in range(501)), *(post(f"n-{n}", "garden") for n in range(300)))
    store.loads.clear()
    facts = await gathered(Gatherer(store, PARTITIONS, book))
    assert (len(of(facts, "ana").posts), len(of(facts, "ana").normal)) == (501, 300)
    # One load for terms and accounts, two for 801 posts.
    assert store.loads.count(home("youtube:UC-ana")) == 3


def cast_of(*definitions: Campaign | Creator | Agreement) -> Cast:
    book = told()
    for one in definitions:
        book.change(one, at=T)
    found = Cast.of(book.rules, "spring")
    assert found is not None
    return found


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_fresh_is_the_latest_of_all_partitions_in_whatever_order_they_answer(order: tuple[int, int]) -> None:
    parts = (Found(fresh={"": {"poll": 5, "webhook": 1}}), Found(fresh={"": {"poll": 3, "webhook": 2}}))
    facts = assembled(cast_of(SPRING), [parts[n] for n in order], others_at_most=1)
    assert facts.fresh == {"": {"poll": 5, "webhook": 2}}


def test_an_account_named_twice_is_one_and_its_normal_posts_are_there_once() -> None:
    twice = structs.replace(BEN, accounts=(BEN.accounts[0], BEN.accounts[0]))
    found = Found(own=[Post("instagram", "ben", "p", seen_at=T)])
    [ben] = assembled(cast_of(SPRING, twice, BENS), [found], others_at_most=1).creators
    assert (len(ben.accounts), ids(ben.normal)) == (1, ["p"])


def test_an_agreement_of_somebody_who_is_not_defined_names_nobody() -> None:
    assert assembled(cast_of(SPRING, DEAL), [], others_at_most=1).creators == ()

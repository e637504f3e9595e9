"""Views stand beside each other; one is active."""

from collections.abc import AsyncIterator

import pytest

from tests.harness.redis import RedisCluster
from tests.store.contract import EIGHT, GLOW, SEVEN, first
from tracker.store.redis import RedisStore
from tracker.store.views import ViewInUse, ViewMoved, active_view, drop_view, switch_view, views

pytestmark = pytest.mark.integration


class ViewContract:
    """Inherit it and give the fixtures `url` and `cluster`."""

    @pytest.fixture
    async def store(self, url: str, cluster: bool) -> AsyncIterator[RedisStore]:
        store = await RedisStore.connect(url, cluster=cluster)
        yield store
        await store.close()

    async def test_without_a_pointer_the_first_view_is_active(self, store: RedisStore) -> None:
        assert store.view == "v1"
        assert await active_view(store.client, "tracker") == "v1"
        assert await views(store.client, "tracker") == []

    async def test_views_do_not_see_each_other_and_switching_moves_who_connects(
        self, store: RedisStore, url: str, cluster: bool
    ) -> None:
        beside = await RedisStore.connect(url, cluster=cluster, view="v2")
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
        await beside.apply(SEVEN, first(increments={GLOW: {"likes": 2}}))
        await switch_view(store.client, "tracker", expected="v1", to="v2")
        later = await RedisStore.connect(url, cluster=cluster)
        assert later.view == "v2"
        assert [await each.partial(SEVEN, GLOW) for each in (store, beside, later)] == [
            {"likes": 1},
            {"likes": 2},
            {"likes": 2},
        ]
        assert await views(store.client, "tracker") == ["v1", "v2"]
        await beside.close()
        await later.close()

    async def test_a_switch_from_a_view_that_is_not_active_is_refused(self, store: RedisStore) -> None:
        await switch_view(store.client, "tracker", expected="v1", to="v2")
        with pytest.raises(ViewMoved) as moved:
            await switch_view(store.client, "tracker", expected="v1", to="v3")
        assert (moved.value.active, moved.value.wanted) == ("v2", "v3")
        assert await active_view(store.client, "tracker") == "v2"

    async def test_a_dropped_view_is_gone_and_no_other(self, store: RedisStore, url: str, cluster: bool) -> None:
        old = await RedisStore.connect(url, cluster=cluster, view="v1-old")
        terms = {f"tag:{number}": {"a"} for number in range(1_200)}
        for each in (old, store):
            for partition in (SEVEN, EIGHT):
                await each.apply(partition, first(increments={GLOW: {"likes": 1}}, term_adds=terms))
            await each.write_totals("spring-glow", {GLOW: {"likes": 2}})
        steps: list[int] = []
        gone = await drop_view(store.client, "tracker", "v1-old", steps.append)
        assert gone == steps[-1] == 2 * (1_200 + 3) + 2
        assert len(steps) > 1
        assert await views(store.client, "tracker") == ["v1"]
        assert (await old.open(SEVEN)).cursor.next_offset == 0
        assert await store.totals("spring-glow") == {GLOW: {"likes": 2}}
        assert (await store.load(EIGHT, [], ["tag:7"])).terms == {"tag:7": {"a"}}
        await old.close()

    async def test_the_active_view_is_not_dropped(self, store: RedisStore) -> None:
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
        with pytest.raises(ViewInUse):
            await drop_view(store.client, "tracker", "v1")
        assert await store.partial(SEVEN, GLOW) == {"likes": 1}


class TestSingle(ViewContract):
    @pytest.fixture
    def url(self, redis_url: str) -> str:
        return redis_url

    @pytest.fixture
    def cluster(self) -> bool:
        return False


class TestCluster(ViewContract):
    @pytest.fixture
    def url(self, redis_cluster: RedisCluster) -> str:
        return redis_cluster.url

    @pytest.fixture
    def cluster(self) -> bool:
        return True

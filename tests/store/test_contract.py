"""One contract, four stores."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.harness.redis import RedisCluster
from tests.store.contract import StoreContract
from tests.store.servers import valkey_binary
from tracker.embedded.redis import RedisServer
from tracker.store.memory import MemoryStore
from tracker.store.redis import RedisStore


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("valkey"), binary=valkey_binary()) as server:
        yield server


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestRedis(StoreContract):
    @pytest.fixture
    async def store(self, redis_url: str, redis_prefix: str) -> AsyncIterator[RedisStore]:
        store = await RedisStore.connect(redis_url, prefix=redis_prefix)
        yield store
        await store.close()


class TestValkey(StoreContract):
    @pytest.fixture
    async def store(self, valkey: RedisServer, redis_prefix: str) -> AsyncIterator[RedisStore]:
        store = await RedisStore.connect(valkey.url, prefix=redis_prefix)
        yield store
        await store.close()


class TestRedisCluster(StoreContract):
    @pytest.fixture
    async def store(self, redis_cluster: RedisCluster, redis_prefix: str) -> AsyncIterator[RedisStore]:
        store = await RedisStore.connect(redis_cluster.url, cluster=True, prefix=redis_prefix)
        yield store
        await store.close()

"""One open door a module: opening one takes longer than most stories."""

import uuid
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.harness.brokers import Broker
from tests.ingest.doors import Door, open_door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_door(kafka: Broker) -> AsyncIterator[Door]:
    async with open_door(kafka.bootstrap, f"door{uuid.uuid4().hex[:8]}") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def door(module_door: Door) -> Door:
    """The module's door, its inbox read up."""
    await module_door.inbox()
    return module_door

"""APIs over the small world: a fresh one for each test, or one for a module that changes nothing in it."""

import asyncio

import pytest
import pytest_asyncio

from tests.web.ground import Ground, laid


@pytest_asyncio.fixture
async def ground() -> Ground:
    return await laid()


@pytest.fixture(scope="module")
def shared() -> Ground:
    """The module's, which only gains tokens."""
    return asyncio.run(laid())

"""Pushes to the receiver as the platforms do it: signed, retried until acknowledged, now and then twice or late.

1. A delivery is dropped only when it was answered 2xx; until then it is sent again, after a growing wait.
2. Some acknowledged deliveries are sent once more, byte for byte; some wait, so that younger ones overtake them.
3. A forgery (a wrong signature) is sent too. It is never retried, and never told.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from secrets import token_hex

import httpx
from msgspec import structs

from tracker.simulate import instagram_api, tiktok_api, youtube_api
from tracker.simulate.errors import DemoFailed, NotInTime
from tracker.simulate.model import PlatformName, World
from tracker.simulate.told import ToldLog
from tracker.simulate.wire import Secrets, Webhook
from tracker.simulate.world import Signal

_MAKERS: dict[PlatformName, Callable[[Sequence[Signal], Secrets, int], list[Webhook]]] = {
    "instagram": instagram_api.webhooks,
    "tiktok": tiktok_api.webhooks,
    "youtube": youtube_api.webhooks,
}
TWICE_SHARE, LATE_SHARE = 0.05, 0.1
LATE_S = (0.2, 1.5)
RETRY_S = (0.2, 0.4, 0.8, 1.6, 2.0)
SOURCE = "main"


def hook_path(platform: str) -> str:
    """Where a platform's deliveries go."""
    return f"/hooks/{platform}/{SOURCE}"


class Deliveries:
    """All pushes of a run. `waiting` is how many are not acknowledged yet."""

    def __init__(
        self,
        world: World,
        secrets: Mapping[PlatformName, Secrets],
        told: ToldLog,
        client: httpx.AsyncClient,
        now: Callable[[], int],
    ) -> None:
        self.acknowledged = self.repeated = self.retried = self.forged_refused = self.forged_accepted = 0
        self.last_fault = ""
        self._world, self._secrets, self._told = world, secrets, told
        self._client, self._now = client, now
        self._draw = random.Random(f"deliveries {world.seed}")  # noqa: S311 - mischief, not a secret
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        return len(self._tasks)

    def push(self, signals: Sequence[Signal]) -> None:
        """Deliver what the platforms say of these signals, in the background."""
        for platform, make in _MAKERS.items():
            own = [signal for signal in signals if signal.post.account.platform == platform]
            for webhook in make(own, self._secrets[platform], self._now()) if own else ():
                self._start(webhook)

    def forge(self) -> None:
        """A delivery that anybody could have made: a comment nobody wrote, signed with a wrong secret."""
        post = next(post for post in self._world.posts if post.account.platform == "instagram" and post.comments)
        comment = structs.replace(post.comments[0], id="66600000000000666")
        signal = Signal(at=self._now(), kind="comment_created", post=post, comment=comment)
        wrong = structs.replace(self._secrets["instagram"], signing="not-the-secret")
        for webhook in instagram_api.webhooks([signal], wrong, self._now()):
            self._run(self._forgery(webhook))

    async def finish(self, seconds: float) -> None:
        """Wait until everything was acknowledged. Raises NotInTime with what the receiver last said."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in [task for task in self._tasks if task.done()]:
            task.result()
        if self.waiting:
            raise NotInTime(
                f"{self.waiting} webhooks were not acknowledged within {seconds:.0f} s of the freeze "
                f"(last: {self.last_fault or 'no answer'}). See the receiver's log."
            )

    def stop(self) -> None:
        """Drop what is under way."""
        for task in self._tasks:
            task.cancel()

    def _start(self, webhook: Webhook) -> None:
        late = self._draw.uniform(*LATE_S) if self._draw.random() < LATE_SHARE else 0.0
        self._run(self._deliver(webhook, late=late, twice=self._draw.random() < TWICE_SHARE))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        # A fault of our own stays in the set, so that `finish` raises it.
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)

    async def _deliver(self, webhook: Webhook, *, late: float, twice: bool) -> None:
        await asyncio.sleep(late)
        tries = 0
        while not await self._accepted(webhook):
            self.retried += 1
            await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
            tries += 1
        self._told.acknowledged(webhook)
        self.acknowledged += 1
        if twice:
            await asyncio.sleep(LATE_S[1] / 2)
            await self._accepted(webhook)
            self.repeated += 1

    async def _accepted(self, webhook: Webhook) -> bool:
        try:
            answer = await self._post(webhook)
        except httpx.HTTPError as error:
            self.last_fault = f"{webhook.platform}: {type(error).__name__} {error}"
            return False
        if not answer.is_success:
            self.last_fault = f"{webhook.platform}: {answer.status_code} {answer.text[:200]}"
        return answer.is_success

    async def _forgery(self, webhook: Webhook) -> None:
        try:
            answer = await self._post(webhook)
        except httpx.HTTPError:
            return  # the receiver is away: a forger tries elsewhere
        if answer.is_success:
            self.forged_accepted += 1
        else:
            self.forged_refused += 1

    async def _post(self, webhook: Webhook) -> httpx.Response:
        return await self._client.post(hook_path(webhook.platform), content=webhook.body, headers=dict(webhook.headers))


async def subscribe(client: httpx.AsyncClient, secrets: Mapping[PlatformName, Secrets]) -> None:
    """The subscription checks that Meta and the hub make before they push. Raises DemoFailed if one is not passed."""
    checks: dict[PlatformName, dict[str, str]] = {
        "instagram": {"hub.verify_token": secrets["instagram"].verify},
        "youtube": {"hub.topic": youtube_api.FEEDS + "UCsyntheticMioChannel001", "hub.lease_seconds": "864000"},
    }
    for platform, query in checks.items():
        challenge = f"challenge-{token_hex(8)}"
        asked = {"hub.mode": "subscribe", "hub.challenge": challenge, **query}
        answer = await client.get(hook_path(platform), params=asked)
        if answer.status_code != 200 or answer.text != challenge:
            raise DemoFailed(
                f"{platform}: the receiver failed the subscription check: it answered {answer.status_code} "
                f"{answer.text[:200]!r}. See its log, and `platforms` in the settings."
            )

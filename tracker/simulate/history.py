"""The past of the campaigns in real time, as a file that `tracker import` takes.

1. It is what the stand-in itself would have answered a poller then, byte for byte, so its last word on a post is the
   first one that the live stand-in says of that instant.
2. The looks are those of the poller's own cadence; of each interval of age only the first and the last is written,
   because a curve keeps no others. And at the end of it everything is looked at once.
3. Clicks and orders are facts. Lines stand in the order of their instants.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from msgspec import Struct

from tracker.domain.curve import bucket
from tracker.domain.schedule import Cadence
from tracker.simulate import instagram_api
from tracker.simulate.curves import HOUR
from tracker.simulate.model import Account, Post, World
from tracker.simulate.told import ToldLog
from tracker.simulate.wire import Answer, JsonObject, Request, Secrets, Told

DAY = 24 * HOUR
FOLLOWER_DAYS = 12
"""So many days of follower counts, one each: fewer than eight say nothing of what is usual."""
MEDIA_FIELDS = (
    "id,permalink,shortcode,caption,timestamp,media_type,media_product_type,like_count,comments_count,view_count,"
    "saved_count,shares_count,owner,username"
)
USER_FIELDS = "followers_count,media_count"
OF_THE_POLLER = Cadence()
_AS_MANY_AS_THERE_ARE = 50


class Line(Struct, frozen=True):
    """One line of the file, and what it tells. `at` is when the platform, or the shop, said it."""

    at: int
    text: str
    told: tuple[Told, ...] = ()


def history(world: World, secrets: Secrets) -> list[Line]:
    """Everything that was said of the accounts in real time until the origin; `secrets` are Instagram's."""
    lines = [*_sales(world)]
    for account in (account for account in world.accounts if account.real_time):
        lines += _of_account(world, secrets, account)
        for post in world.of(account):
            lines += [_post_line(world, secrets, post, at) for at in looks(post.published, world.origin)]
    return sorted(lines, key=lambda line: line.at)


def tell(lines: Sequence[Line], told: ToldLog) -> None:
    """Note that all of it was told."""
    for line in lines:
        if line.told:
            told.known(line.told, began=line.at, ended=line.at)


def looks(published: int, until: int, cadence: Cadence = OF_THE_POLLER) -> list[int]:
    """When a poller looked at a post before `until`: in each interval of age the first time and the last."""
    kept: dict[int, list[int]] = {}
    at = published + cadence.every(0)
    while at < until:
        age = at - published
        kept.setdefault(bucket(age), []).append(at)
        at += cadence.every(age)
    return [at for inside in kept.values() for at in dict.fromkeys((inside[0], inside[-1]))]


def _of_account(world: World, secrets: Secrets, account: Account) -> Iterator[Line]:
    """Followers once a day, and in the end the account with its posts."""
    for days in range(FOLLOWER_DAYS, 0, -1):
        yield _account_line(world, secrets, account, world.origin - days * DAY, USER_FIELDS)
    yield look_at(world, secrets, account, world.origin)


def look_at(world: World, secrets: Secrets, account: Account, at: int) -> Line:
    """An account with its followers and all its posts, as it is shown at an instant."""
    everything = f"{USER_FIELDS},media.limit({_AS_MANY_AS_THERE_ARE}){{{MEDIA_FIELDS}}}"
    return _account_line(world, secrets, account, at, everything)


def _account_line(world: World, secrets: Secrets, account: Account, at: int, fields: str) -> Line:
    answer = _answer(world, secrets, account, f"/{account.id}", fields, at)
    return _raw(account, None, "account", answer, at)


def _post_line(world: World, secrets: Secrets, post: Post, at: int) -> Line:
    answer = _answer(world, secrets, post.account, f"/{post.id}", MEDIA_FIELDS, at)
    return _raw(post.account, post, "post", answer, at)


def _answer(world: World, secrets: Secrets, account: Account, path: str, fields: str, at: int) -> Answer:
    request = Request(
        method="GET",
        path=path,
        query={"fields": fields},
        headers={"authorization": f"Bearer {secrets.tokens[account.id]}"},
        body=b"",
        at=at,
        origin="https://graph.instagram.com",
    )
    return instagram_api.answer(world, secrets, request, page=_AS_MANY_AS_THERE_ARE)


def _raw(account: Account, post: Post | None, endpoint: str, answer: Answer, at: int) -> Line:
    item = {"platform": account.platform, "account": account.id}
    if post is not None:
        item["post"] = post.id
    line: JsonObject = {
        "platform": account.platform,
        "received_at": at,
        "endpoint": endpoint,
        "items": [item],
        "status": answer.status,
        "body": answer.body.decode(),
    }
    return Line(at, json.dumps(line), answer.told)


def _sales(world: World) -> Iterator[Line]:
    for number, click in enumerate(world.past_clicks):
        yield _fact(click.at, {"type": "link.clicked", "click": _click_id(number), "link": click.link})
    for order in world.past_orders:
        assert order.click is not None
        click = world.past_clicks[order.click]
        said: JsonObject = {
            "type": "conversion.recorded",
            "order": order.id,
            "amount": order.amount,
            "currency": order.currency,
            "click": _click_id(order.click),
            "link": click.link,
            "clicked_at": click.at,
        }
        yield _fact(order.at, said)


def _click_id(number: int) -> str:
    return f"past-click-{number:05}"


def _fact(at: int, said: JsonObject) -> Line:
    return Line(at, json.dumps({**said, "observed_at": at, "occurred_at": at}))

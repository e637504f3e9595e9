"""Small worlds for tests, written by hand."""

from __future__ import annotations

from typing import Any

from tracker.simulate import cast
from tracker.simulate.model import Account, PlatformName, Post, Role, Version, World
from tracker.simulate.wire import Request, Secrets, draw_secrets

START = 1_900_000_000_000
MINUTE = 60_000
SECRETS: dict[PlatformName, Secrets] = draw_secrets(7, cast.ACCOUNTS)
SPRING_HINA = Role(campaign=cast.SPRING, by="agreement", creator="hina")


def world(*posts: Post, seconds: int = 10, pace: int = 1, **more: Any) -> World:
    """A world of these posts."""
    parts: dict[str, Any] = {"clicks": (), "orders": (), "refunds": (), **more}
    return World(
        seed=7,
        start=START,
        freeze=START + seconds * 1000,
        pace=pace,
        accounts=cast.ACCOUNTS,
        posts=posts,
        **parts,
    )


def post(account: Account, id: str, *, published: int = START - 60 * MINUTE, text: str = "a post", **more: Any) -> Post:
    """A post with 1,000 likes, 100 shares, 200 saves and 10,000 views to come."""
    parts: dict[str, Any] = {
        "medium": "feed" if account.platform == "instagram" else "video",
        "versions": (Version(since=0, text=text, title=None if account.platform == "instagram" else "a title"),),
        "totals": {"likes": 1_000, "shares": 100, "saves": 200, "views": 10_000},
        **more,
    }
    return Post(id=id, account=account, published=published, **parts)


def request(
    path: str,
    query: dict[str, str] | None = None,
    *,
    method: str = "GET",
    bearer: str | None = None,
    body: bytes = b"",
    at: int = START,
) -> Request:
    """A request to a platform's API."""
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    return Request(
        method=method, path=path, query=query or {}, headers=headers, body=body, at=at, origin="http://127.0.0.1:1"
    )

"""TikTok's servers, as documented: Display API v2, and the webhooks of the developers' and the business API.

1. A token is a user's: it names whose videos are listed. Any other is 401, with the error object.
2. The error object is there on success too, code "ok". A page may be short: `has_more` decides.
3. A webhook's content is JSON in a string in JSON; comment ids in it are numbers beyond 2^53.
4. Saves, reach and impressions do not exist here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence

from tracker.simulate.model import Account, CountName, Post, World
from tracker.simulate.wire import (
    Answer,
    JsonObject,
    Request,
    Secrets,
    Told,
    Webhook,
    account_of,
    answer_json,
    counts_of,
    post_of,
)
from tracker.simulate.world import Signal, shown_counts, shown_followers

COUNTS: dict[str, CountName] = {
    "like_count": "likes",
    "comment_count": "comments",
    "share_count": "shares",
    "view_count": "views",
}
MOST = 20
CLIENT_KEY = "synthetic-client-key"
COMMENT_ACTIONS = {
    "comment_created": "insert",
    "comment_hidden": "set_to_hidden",
    "comment_shown": "set_to_public",
    "comment_removed": "delete",
}
_NO_ERROR = {"code": "ok", "message": "", "log_id": "20270101000000SYNTHETIC"}


def _refusal(status: int, code: str, message: str) -> Answer:
    return answer_json(status, {"data": {}, "error": {**_NO_ERROR, "code": code, "message": message}})


def too_many() -> Answer:
    return _refusal(429, "rate_limit_exceeded", "The API rate limit was exceeded. Please try again later.")


def _owner(world: World, secrets: Secrets, token: str | None) -> Account | None:
    id = next((id for id, known in secrets.tokens.items() if known == token), None)
    return account_of(world, id) if id else None


def _video(world: World, post: Post, at: int, asked: Sequence[str]) -> tuple[JsonObject, Told]:
    version = post.version(at)
    counts = shown_counts(world, post, at)
    known: JsonObject = {
        "id": post.id,
        "create_time": post.published // 1000,
        "title": version.title or "",
        "video_description": version.text,
        "duration": 15,
        "share_url": post.permalink,
        "cover_image_url": f"https://images.example/{post.id}.jpg",
        **{name: counts[canonical] for name, canonical in COUNTS.items() if canonical in counts},
    }
    said = {name: known[name] for name in asked if name in known}
    told = Told(
        post=post.id,
        account=post.account.id,
        counts=counts_of(said, COUNTS),
        title=said.get("title"),
        text=said.get("video_description"),
    )
    return said, told


def answer(world: World, secrets: Secrets, request: Request, *, page: int) -> Answer:
    """Answer one API request at `request.at`; a page of a list holds `page` videos at most."""
    owner = _owner(world, secrets, request.bearer)
    if owner is None:
        return _refusal(401, "access_token_invalid", "The access token is invalid or not found in the request.")
    try:
        body: JsonObject = json.loads(request.body) if request.body else {}
    except ValueError:
        return _refusal(400, "invalid_params", "The body is no JSON.")
    return _call(world, owner, request, body, page)


def _call(world: World, owner: Account, request: Request, body: JsonObject, page: int) -> Answer:
    asked = [name.strip() for name in request.query.get("fields", "").split(",") if name.strip()]
    if not asked:
        return _refusal(400, "invalid_params", "Missing required parameter: fields")
    match request.method, request.path.rstrip("/"):
        case "POST", "/v2/video/list":
            return _list(world, owner, request.at, asked, body, page)
        case "POST", "/v2/video/query":
            return _query(world, owner, request.at, asked, body)
        case "GET", "/v2/user/info":
            return _user(world, owner, request.at, asked)
        case _:
            return _refusal(404, "invalid_params", f"Unsupported path {request.path}")


def _list(world: World, owner: Account, at: int, asked: Sequence[str], body: JsonObject, page: int) -> Answer:
    """Newest first; the cursor is the ms of the last video shown."""
    most = body.get("max_count", 10)
    if not isinstance(most, int) or not 1 <= most <= MOST:
        return _refusal(400, "invalid_params", f"max_count must be between 1 and {MOST}")
    cursor = int(body.get("cursor") or at + 1)
    posts = sorted((post for post in world.of(owner) if post.visible(at)), key=lambda post: -post.published)
    older = [post for post in posts if post.published < cursor]
    shown = older[: min(most, page)]
    videos = [_video(world, post, at, asked) for post in shown]
    data = {
        "videos": [said for said, _ in videos],
        "cursor": shown[-1].published if shown else cursor,
        "has_more": len(shown) < len(older),
    }
    return answer_json(200, {"data": data, "error": _NO_ERROR}, [told for _, told in videos])


def _query(world: World, owner: Account, at: int, asked: Sequence[str], body: JsonObject) -> Answer:
    """By id, own videos only; what is gone is not in the answer."""
    ids = body.get("filters", {}).get("video_ids", [])
    if not ids or len(ids) > MOST or not all(isinstance(id, str) for id in ids):
        return _refusal(400, "invalid_params", f"video_ids must hold 1 to {MOST} strings")
    videos: list[JsonObject] = []
    told: list[Told] = []
    for id in ids:
        post = post_of(world, id)
        if post and post.account == owner and post.visible(at):
            said, statement = _video(world, post, at, asked)
            videos.append(said)
            told.append(statement)
        else:
            told.append(Told(post=id, absent=True))
    return answer_json(200, {"data": {"videos": videos}, "error": _NO_ERROR}, told)


def _user(world: World, owner: Account, at: int, asked: Sequence[str]) -> Answer:
    videos = [post for post in world.of(owner) if post.visible(at)]
    known: JsonObject = {
        "open_id": owner.id,
        "display_name": owner.name,
        "username": owner.handle,
        "follower_count": shown_followers(world, owner, at),
        "following_count": 120,
        "likes_count": sum(shown_counts(world, post, at).get("likes", 0) for post in videos),
        "video_count": len(videos),
    }
    user = {name: known[name] for name in asked if name in known}
    told = Told(account=owner.id, followers=user.get("follower_count"))
    return answer_json(200, {"data": {"user": user}, "error": _NO_ERROR}, [told])


def webhooks(signals: Sequence[Signal], secrets: Secrets, at: int) -> list[Webhook]:
    """What TikTok pushes of these signals: one delivery each; posts only if made through the app."""
    made: list[Webhook] = []
    for signal in signals:
        event = _event(signal)
        if event is None:
            continue
        name, content = event
        envelope = {
            "client_key": CLIENT_KEY,
            "event": name,
            "create_time": signal.at // 1000,
            "user_openid": signal.post.account.id,
            "content": json.dumps(content, separators=(",", ":")),
        }
        body = json.dumps(envelope, separators=(",", ":")).encode()
        made.append(Webhook(platform="tiktok", body=body, headers=sign(body, secrets, at), signals=(signal,)))
    return made


def sign(body: bytes, secrets: Secrets, at: int) -> dict[str, str]:
    """The headers of a delivery: the signature covers the time of sending too."""
    sent = str(at // 1000)
    mac = hmac.new(secrets.signing.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "tiktok-signature": f"t={sent},s={mac}"}


def _event(signal: Signal) -> tuple[str, JsonObject] | None:
    post, comment = signal.post, signal.comment
    if comment is not None:
        return "comment.update", {
            "comment_id": int(comment.id),
            "video_id": int(post.id),
            "parent_comment_id": int(comment.parent or 0),
            "comment_type": "reply" if comment.parent else "comment",
            "comment_action": COMMENT_ACTIONS[signal.kind],
            "timestamp": signal.at,
        }
    if not post.through_app:
        return None
    content = {"publish_id": f"v_pub_url~v2.{post.id}", "publish_type": "DIRECT_PUBLISH", "post_id": post.id}
    match signal.kind:
        case "appeared" | "returned":
            return "post.publish.publicly_available", content
        case "vanished":
            return "post.publish.no_longer_publicaly_available", content  # their spelling
        case _:
            return None

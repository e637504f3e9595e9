"""Instagram's servers, as documented (Graph API v25): GETs of users and media, webhooks of comments and mentions.

1. A field is in the answer only if it was asked for; `like_count` of a post with hidden likes never is.
2. An object that cannot be seen is an error: code 100 for a GET of it alone, code 803 for a whole GET by `?ids=`.
3. Every request needs an access token of ours: else 401, code 190.
4. A webhook's body escapes non-ASCII and slashes, and is signed over just these bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from msgspec import Struct, structs

from tracker.simulate.model import CountName, Post, World
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
    iso,
    post_of,
)
from tracker.simulate.world import Signal, shown_counts, shown_followers

COUNTS: dict[str, CountName] = {
    "like_count": "likes",
    "comments_count": "comments",
    "shares_count": "shares",
    "saved_count": "saves",
    "view_count": "views",
}
PRODUCTS = {"feed": "FEED", "reel": "REELS", "story": "STORY"}
MAX_UPDATES = 1_000


class Field(Struct, frozen=True):
    """One asked field: `name.modifier(argument){sub,fields}`."""

    name: str
    modifiers: Mapping[str, str]
    fields: tuple[Field, ...]


_NAME = re.compile(r"[A-Za-z_]+")


def parse_fields(asked: str) -> tuple[Field, ...]:
    """Graph API field expansion. Raises ValueError where it is malformed."""
    fields, rest = _fields(asked.replace(" ", ""))
    if rest:
        raise ValueError(f"unexpected {rest[0]!r} in fields")
    return fields


def _fields(rest: str) -> tuple[tuple[Field, ...], str]:
    made: list[Field] = []
    while rest and rest[0] != "}":
        name = _NAME.match(rest)
        if name is None:
            raise ValueError(f"a field name was expected at {rest[:10]!r}")
        rest, modifiers = rest[name.end() :], {}
        while rest.startswith("."):
            modifier, _, after = rest[1:].partition("(")
            modifiers[modifier], _, rest = after.partition(")")
        inner: tuple[Field, ...] = ()
        if rest.startswith("{"):
            inner, rest = _fields(rest[1:])
            rest = rest.removeprefix("}")
        made.append(Field(name.group(), modifiers, inner))
        rest = rest.removeprefix(",")
    return tuple(made), rest


class _Asked:
    """One request being answered: collects what it says."""

    def __init__(self, world: World, request: Request, page: int) -> None:
        self.world, self.request, self.page = world, request, page
        self.told: list[Told] = []

    def media(self, post: Post, fields: Sequence[Field]) -> JsonObject:
        """A media object, with the asked fields that Instagram would show."""
        counts = shown_counts(self.world, post, self.request.at)
        version = post.version(self.request.at)
        video = post.medium in ("reel", "story")
        known: JsonObject = {
            "caption": version.text,
            "permalink": post.permalink,
            "shortcode": post.permalink.rstrip("/").rsplit("/", 1)[1],
            "timestamp": iso(post.published, zone="+0000"),
            "owner": {"id": post.account.id},
            "username": post.account.handle,
            "media_type": "VIDEO" if video else "IMAGE",
            "media_product_type": PRODUCTS[post.medium],
            **{name: counts[canonical] for name, canonical in COUNTS.items() if canonical in counts},
        }
        said: JsonObject = {f.name: known[f.name] for f in fields if f.name in known}
        said["id"] = post.id
        self.told.append(
            Told(post=post.id, account=post.account.id, counts=counts_of(said, COUNTS), text=said.get("caption"))
        )
        return said

    def edge(self, account_id: str, fields: Sequence[Field], limit: int, after: str | None) -> JsonObject:
        """The /media edge: newest first, no stories, pages that may be short."""
        posts = sorted(
            (
                post
                for post in self.world.posts
                if post.account.id == account_id and post.medium != "story" and post.visible(self.request.at)
            ),
            key=lambda post: (-post.published, post.id),
        )
        begin = next((i + 1 for i, post in enumerate(posts) if post.id == after), 0)
        shown = posts[begin : begin + min(limit, self.page)]
        body: JsonObject = {"data": [self.media(post, fields) for post in shown]}
        if shown:
            body["paging"] = {"cursors": {"before": shown[0].id, "after": shown[-1].id}}
            if begin + len(shown) < len(posts):
                query = {**self.request.query, "after": shown[-1].id}
                names = ",".join(field.name for field in fields)
                query.update(fields=names, limit=str(limit))
                query.pop("ids", None)
                body["paging"]["next"] = f"{self.request.origin}/v25.0/{account_id}/media?{urlencode(query)}"
        return body

    def user(self, id: str, fields: Sequence[Field]) -> JsonObject:
        """A professional account, with its media edge or a mentioned media where that was asked."""
        account = account_of(self.world, id)
        assert account is not None
        said: JsonObject = {}
        for field in fields:
            match field.name:
                case "followers_count":
                    said["followers_count"] = shown_followers(self.world, account, self.request.at)
                    self.told.append(Told(account=id, followers=said["followers_count"]))
                case "media_count":
                    said["media_count"] = sum(post.visible(self.request.at) for post in self.world.of(account))
                case "username":
                    said["username"] = account.handle
                case "name":
                    said["name"] = account.name
                case "media":
                    limit = int(field.modifiers.get("limit", "25"))
                    said["media"] = self.edge(id, field.fields, limit, field.modifiers.get("after"))
                case "mentioned_media":
                    post = post_of(self.world, field.modifiers.get("media_id", ""))
                    if post and post.visible(self.request.at) and post.mentions == account:
                        said["mentioned_media"] = self.media(post, field.fields)
        return {**said, "id": id}

    def node(self, id: str, fields: Sequence[Field]) -> JsonObject | None:
        """A user or a media object by id; None: it does not exist, or not for us."""
        account = account_of(self.world, id)
        if account and account.platform == "instagram" and account.creator is not None:
            return self.user(id, fields)
        post = post_of(self.world, id)
        # Media of strangers is reached through `mentioned_media` alone.
        if post and post.account.platform == "instagram" and post.account.creator and post.visible(self.request.at):
            return self.media(post, fields)
        return None


def _error(status: int, code: int, message: str, kind: str, **more: int) -> Answer:
    error = {"message": message, "type": kind, "code": code, **more, "fbtrace_id": "Asynthetic"}
    return answer_json(status, {"error": error})


def too_many() -> Answer:
    return _error(429, 4, "(#4) Application request limit reached", "OAuthException")


def answer(world: World, secrets: Secrets, request: Request, *, page: int) -> Answer:
    """Answer one API request at `request.at`; a page of a list holds `page` objects at most."""
    return _refusal(secrets, request) or _find(world, request, page)


def _refusal(secrets: Secrets, request: Request) -> Answer | None:
    token = request.query.get("access_token") or request.bearer
    if token not in {*secrets.tokens.values(), secrets.key}:
        return _error(401, 190, "Invalid OAuth access token.", "OAuthException")
    if request.method != "GET":
        return _error(400, 100, f"Unsupported {request.method.lower()} request.", "GraphMethodException")
    try:
        parse_fields(request.query.get("fields", "id"))
        int(request.query.get("limit", "25"))
    except ValueError as error:
        return _error(400, 2500, f"Syntax error: {error}", "OAuthException")
    return None


def _find(world: World, request: Request, page: int) -> Answer:
    fields, limit = parse_fields(request.query.get("fields", "id")), int(request.query.get("limit", "25"))
    asked = _Asked(world, request, page)
    parts = [part for part in request.path.split("/") if part and not re.fullmatch(r"v\d+\.\d+", part)]
    match parts:
        case []:
            return _by_ids(asked, [id for id in request.query.get("ids", "").split(",") if id], fields)
        case [id, "media"] if account_of(world, id):
            return answer_json(200, asked.edge(id, fields, limit, request.query.get("after")), asked.told, USAGE)
        case [id] if (node := asked.node(id, fields)) is not None:
            return answer_json(200, node, asked.told, USAGE)
        case _:
            return _not_there(post_of(world, parts[0]), parts[0])


def _by_ids(asked: _Asked, ids: Sequence[str], fields: Sequence[Field]) -> Answer:
    nodes = {id: asked.node(id, fields) for id in ids}
    missing = ",".join(id for id, node in nodes.items() if node is None)
    if missing or not ids:
        return _error(404, 803, f"(#803) Some of the aliases you requested do not exist: {missing}", "OAuthException")
    return answer_json(200, nodes, asked.told, USAGE)


def _not_there(post: Post | None, id: str) -> Answer:
    if post and post.account.creator is None:
        return _error(403, 10, "(#10) Application does not have permission for this action", "OAuthException")
    missing = f"Unsupported get request. Object with ID '{id}' does not exist, cannot be loaded"
    gone = _error(400, 100, missing, "GraphMethodException", error_subcode=33)
    return structs.replace(gone, told=(Told(post=post.id, absent=True),) if post else ())


USAGE = {"x-app-usage": '{"call_count":3,"total_cputime":1,"total_time":2}'}


def webhooks(signals: Sequence[Signal], secrets: Secrets, at: int) -> list[Webhook]:
    """What Instagram pushes of these signals: comments written, mentions, the figures of a story that ended.

    Nothing is pushed of posts, edits, deletions or hidden comments. Updates are batched, an entry an account; at some
    seconds the whole envelope stands in an array, as in the documentation's test payloads.
    """
    entries: dict[str, list[JsonObject]] = {}
    sent: list[Signal] = []
    told: list[Told] = []
    for signal in signals[:MAX_UPDATES]:
        change = _change(signal)
        if change is None:
            continue
        owner, field, value = change
        entries.setdefault(owner, []).append({"field": field, "value": value})
        sent.append(signal)
        if field == "story_insights":
            story = {"reach": value["reach"], "impressions": value["impressions"]}
            told.append(Told(post=signal.post.id, account=owner, counts=story))
    if not sent:
        return []
    entry = [{"id": id, "time": at // 1000, "changes": changes} for id, changes in entries.items()]
    envelope: JsonObject = {"object": "instagram", "entry": entry}
    written = json.dumps([envelope] if at // 1000 % 7 == 0 else envelope, separators=(",", ":"))
    body = written.replace("/", "\\/").encode()
    mac = hmac.new(secrets.signing.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={mac}"}
    return [Webhook(platform="instagram", body=body, headers=headers, told=tuple(told), signals=tuple(sent))]


def _change(signal: Signal) -> tuple[str, str, JsonObject] | None:
    """(account that is told, field, value) of one update; None: Instagram says nothing."""
    post, comment = signal.post, signal.comment
    match signal.kind:
        case "comment_created" if comment is not None and post.account.creator is not None:
            value: JsonObject = {
                "id": comment.id,
                "text": comment.text,
                "from": {"id": f"9{abs(hash_of(comment.author)) % 10**15:015}", "username": comment.author},
                "media": {"id": post.id, "media_product_type": PRODUCTS[post.medium]},
            }
            return post.account.id, "comments", {**value, "parent_id": comment.parent} if comment.parent else value
        case "mentioned" if post.mentions is not None:
            return post.mentions.id, "mentions", {"media_id": post.id}
        case "story_ended" if post.reach is not None and post.impressions is not None:
            taps = {"taps_forward": 41, "taps_back": 3, "exits": 12, "replies": 0}
            return (
                post.account.id,
                "story_insights",
                {"media_id": post.id, "impressions": post.impressions, "reach": post.reach, **taps},
            )
        case _:
            return None


def hash_of(text: str) -> int:
    """The same number for the same text in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

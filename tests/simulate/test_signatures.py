"""What the stand-in pushes, and that it is signed as the platforms document it (verified with openssl)."""

from __future__ import annotations

import json
import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from msgspec import structs

from tests.simulate.builders import SECRETS, START, post
from tracker.simulate import instagram_api, tiktok_api, youtube_api
from tracker.simulate.cast import HINA, KAITO, MIO, STRANGER
from tracker.simulate.model import Comment, Version
from tracker.simulate.world import Signal, SignalKind

ATOM, YT = "{http://www.w3.org/2005/Atom}", "{http://www.youtube.com/xml/schemas/2015}"
AT = "{http://purl.org/atompub/tombstones/1.0}"
COMMENT = Comment(
    id="7599000000000000001", at=START, author="viewer_1", text="ゆず / yuzu", parent="7599000000000000000"
)
NOT_ARRAY = START // 7_000 * 7_000 + 1_000
"""A second at which the envelope does not stand in an array."""


def hmac_by_openssl(method: str, secret: str, signed: bytes) -> str:
    """An HMAC by another implementation than Python's."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl program is not installed")
    done = subprocess.run(
        ["openssl", "dgst", f"-{method}", "-hmac", secret, "-r"], input=signed, capture_output=True, check=True
    )
    return done.stdout.decode().split()[0]


def test_instagram_signs_the_very_bytes_with_sha256() -> None:
    signal = Signal(at=START, kind="comment_created", post=post(HINA, "18"), comment=COMMENT)
    (pushed,) = instagram_api.webhooks([signal], SECRETS["instagram"], NOT_ARRAY)
    expected = hmac_by_openssl("sha256", SECRETS["instagram"].signing, pushed.body)
    assert pushed.headers["x-hub-signature-256"] == f"sha256={expected}"


def test_tiktok_signs_the_time_and_the_body() -> None:
    signal = Signal(at=START, kind="comment_created", post=post(KAITO, "751000000000000001"), comment=COMMENT)
    (pushed,) = tiktok_api.webhooks([signal], SECRETS["tiktok"], START + 3_000)
    time, signature = (part.split("=")[1] for part in pushed.headers["tiktok-signature"].split(","))
    assert int(time) == (START + 3_000) // 1000
    assert signature == hmac_by_openssl("sha256", SECRETS["tiktok"].signing, time.encode() + b"." + pushed.body)


def test_the_hub_signs_with_sha1_and_says_so() -> None:
    signal = Signal(at=START, kind="appeared", post=post(MIO, "syn00000001"))
    (pushed,) = youtube_api.webhooks([signal], SECRETS["youtube"], START)
    assert pushed.headers["x-hub-signature"] == "sha1=" + hmac_by_openssl(
        "sha1", SECRETS["youtube"].signing, pushed.body
    )


def test_instagram_batches_comments_by_account_and_escapes_what_is_not_ascii() -> None:
    signals = [Signal(at=START, kind="comment_created", post=post(HINA, id), comment=COMMENT) for id in ("18", "19")]
    (pushed,) = instagram_api.webhooks(signals, SECRETS["instagram"], NOT_ARRAY)
    assert pushed.body.isascii()
    assert b"\\u3086\\u305a \\/ yuzu" in pushed.body
    envelope = json.loads(pushed.body)
    assert envelope["object"] == "instagram"
    (entry,) = envelope["entry"]
    assert (entry["id"], entry["time"]) == (HINA.id, NOT_ARRAY // 1000)
    assert [change["value"]["media"]["id"] for change in entry["changes"]] == ["18", "19"]
    assert entry["changes"][0]["value"].keys() >= {"id", "text", "from", "parent_id"}
    assert pushed.signals == tuple(signals)


def test_instagram_puts_the_envelope_into_an_array_at_times() -> None:
    signal = Signal(at=START, kind="comment_created", post=post(HINA, "18"), comment=COMMENT)
    (pushed,) = instagram_api.webhooks([signal], SECRETS["instagram"], NOT_ARRAY - 1_000)
    (envelope,) = json.loads(pushed.body)
    assert envelope["object"] == "instagram"


def test_instagram_says_nothing_of_posts_edits_deletions_and_hidden_comments() -> None:
    silent: tuple[SignalKind, ...] = (
        "appeared",
        "changed",
        "vanished",
        "returned",
        "comment_hidden",
        "comment_removed",
    )
    signals = [Signal(at=START, kind=kind, post=post(HINA, "18"), comment=COMMENT) for kind in silent]
    assert instagram_api.webhooks(signals, SECRETS["instagram"], START) == []


def test_a_mention_and_a_story_that_ended_are_pushed_to_the_account_they_concern() -> None:
    mention = Signal(at=START, kind="mentioned", post=post(STRANGER, "77", mentions=HINA))
    story = Signal(at=START, kind="story_ended", post=post(HINA, "78", medium="story", reach=9, impressions=12))
    (pushed,) = instagram_api.webhooks([mention, story], SECRETS["instagram"], NOT_ARRAY)
    (entry,) = json.loads(pushed.body)["entry"]
    assert entry["id"] == HINA.id
    first, second = entry["changes"]
    assert first == {"field": "mentions", "value": {"media_id": "77"}}
    assert second["field"] == "story_insights"
    assert second["value"].items() >= {"media_id": "78", "reach": 9, "impressions": 12}.items()


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("comment_created", "insert"),
        ("comment_hidden", "set_to_hidden"),
        ("comment_shown", "set_to_public"),
        ("comment_removed", "delete"),
    ],
)
def test_tiktoks_content_is_json_in_a_string_with_numbers_beyond_doubles(kind: SignalKind, action: str) -> None:
    signal = Signal(at=START + 5, kind=kind, post=post(KAITO, "7510000000000000017"), comment=COMMENT)
    (pushed,) = tiktok_api.webhooks([signal], SECRETS["tiktok"], START)
    envelope = json.loads(pushed.body)
    assert envelope.keys() == {"client_key", "event", "create_time", "user_openid", "content"}
    assert (envelope["event"], envelope["user_openid"]) == ("comment.update", KAITO.id)
    assert json.loads(envelope["content"]) == {
        "comment_id": 7599000000000000001,
        "video_id": 7510000000000000017,
        "parent_comment_id": 7599000000000000000,
        "comment_type": "reply",
        "comment_action": action,
        "timestamp": START + 5,
    }


def test_tiktok_pushes_only_posts_made_through_the_app_and_misspells_their_end() -> None:
    own, app = post(KAITO, "75100001"), post(KAITO, "75100002", through_app=True)
    kinds: tuple[SignalKind, ...] = ("appeared", "vanished", "changed")
    signals = [Signal(at=START, kind=kind, post=made) for made in (own, app) for kind in kinds]
    pushed = tiktok_api.webhooks(signals, SECRETS["tiktok"], START)
    events = [json.loads(one.body)["event"] for one in pushed]
    assert events == ["post.publish.publicly_available", "post.publish.no_longer_publicaly_available"]
    assert json.loads(json.loads(pushed[0].body)["content"])["post_id"] == "75100002"


def test_the_hub_pushes_an_entry_without_figures() -> None:
    made = post(MIO, "syn00000001", versions=(Version(since=0, text="d", title="三品 <&>"),))
    (pushed,) = youtube_api.webhooks([Signal(at=START + 42, kind="changed", post=made)], SECRETS["youtube"], START)
    entry = ElementTree.fromstring(pushed.body).find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{YT}videoId") == "syn00000001"
    assert entry.findtext(f"{YT}channelId") == MIO.id
    assert entry.findtext(f"{ATOM}title") == "三品 <&>"
    published, updated = entry.findtext(f"{ATOM}published"), entry.findtext(f"{ATOM}updated")
    assert published == "2030-03-17T16:46:40+00:00"
    assert updated == "2030-03-17T17:46:40.042000000+00:00"


def test_a_deleted_video_is_a_tombstone_without_a_video_id() -> None:
    made = post(MIO, "syn00000001")
    (pushed,) = youtube_api.webhooks([Signal(at=START, kind="vanished", post=made)], SECRETS["youtube"], START)
    deleted = ElementTree.fromstring(pushed.body).find(f"{AT}deleted-entry")
    assert deleted is not None
    assert deleted.get("ref") == "yt:video:syn00000001"
    assert deleted.get("when") == "2030-03-17T17:46:40+00:00"
    assert b"yt:videoId" not in pushed.body


def test_a_wrong_secret_gives_another_signature() -> None:
    signal = Signal(at=START, kind="comment_created", post=post(HINA, "18"), comment=COMMENT)
    right, wrong = (
        instagram_api.webhooks([signal], structs.replace(SECRETS["instagram"], signing=signing), NOT_ARRAY)[0]
        for signing in ("right", "wrong")
    )
    assert right.body == wrong.body
    assert right.headers != wrong.headers

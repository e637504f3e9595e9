"""From a file of definitions to an exact counter and back, as a person does it: one installation, one order of steps."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.cli.conftest import SIGNING, TOKEN, Command, Running, until

ACCOUNT = "17840000000000001"  # synthetic
DEFINITIONS = f"""\
campaigns:
- id: spring
  name: Spring (synthetic)
  starts_at: 2026-01-01T00:00:00+09:00
  ends_at: 2099-01-01T00:00:00+09:00
creators:
- id: hana
  name: Hana (synthetic)
  accounts: [{{platform: instagram, account: "{ACCOUNT}"}}]
agreements:
- {{id: spring-hana, campaign: spring, creator: hana, codes: [HANA10], posts: 2}}
links:
- {{id: hana1, campaign: spring, creator: hana, destination: "https://shop.example/spring"}}
"""


def envelope(field: str, value: dict[str, Any]) -> bytes:
    """A webhook as Instagram documents it."""
    entry = {"id": ACCOUNT, "time": int(time.time()), "changes": [{"field": field, "value": value}]}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


def deliver(running: Running, body: bytes) -> int:
    """What a platform does: sign the raw bytes, send them."""
    signature = hmac.new(SIGNING.encode(), body, hashlib.sha256).hexdigest()
    return httpx.post(
        f"{running.receiver}/hooks/instagram/main",
        content=body,
        headers={"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json"},
        trust_env=False,
    ).status_code


def report(running: Running, order: dict[str, Any]) -> int:
    return httpx.post(
        f"{running.receiver}/v1/conversions",
        json=order,
        headers={"authorization": f"Bearer {TOKEN}"},
        trust_env=False,
    ).status_code


def total(running: Running, view: str = "v1") -> dict[str, str]:
    """What `redis-cli HGETALL` answers for the key that docs/reference/redis.md names."""
    with redis.Redis.from_url(running.redis_url, decode_responses=True) as client:
        found: dict[str, str] = client.hgetall(f"{running.prefix}:{view}:{{c:spring}}:total")  # type: ignore[assignment]
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_story_from_a_definition_to_a_proof(running: Running, command: Command, tmp_path: Path) -> None:
    settings = ("--settings", running.installation.file)
    file = tmp_path / "spring.yaml"
    file.write_text(DEFINITIONS)

    foretold = command(*settings, "apply", file, "--dry-run")
    assert "+ campaign/spring" in foretold.out
    assert "Nothing was written (--dry-run): 4 would change" in foretold.out
    assert command(*settings, "get").out == ""
    assert "4 written, 0 unchanged" in command(*settings, "apply", file).out
    assert "0 written, 4 unchanged" in command(*settings, "apply", file).out
    assert "id: spring-hana" in command(*settings, "get", "agreement/spring-hana").out

    comment = {"id": "c1", "text": "lovely", "from": {"id": "55", "username": "fan.example"}, "media": {"id": "901"}}
    assert deliver(running, envelope("comments", comment)) == 200
    assert deliver(running, envelope("story_insights", {"media_id": "902", "reach": 840, "impressions": 1020})) == 200
    assert report(running, {"order": "o-1", "amount": 4990, "currency": "EUR", "code": "hana10"}) == 202
    assert report(running, {"order": "o-2", "amount": 3000, "currency": "JPY", "code": "HANA10"}) == 202
    clicked = httpx.get(f"{running.receiver}/r/hana1", trust_env=False)
    assert clicked.headers["location"].startswith("https://shop.example/spring?click_id=")
    expected = {"posts": "2", "comment.visible": "1", "reach": "840", "conversions": "2", "clicks": "1"}
    until(lambda: expected.items() <= total(running).items(), "the totals", said=running.worker.tail)
    assert total(running)["revenue.EUR"] == "4990"
    assert "likes" not in total(running)

    shown = command(*settings, "show", "spring")
    assert "840" in shown.out
    assert "49.90 EUR" in shown.out
    assert "3,000 JPY" in shown.out
    assert "unknown" not in shown.out
    assert "not known yet and left out: --all names them" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "unknown" in command(*settings, "show", "spring", "--all").out
    lines = [json.loads(line) for line in command(*settings, "show", "spring", "--json").out.splitlines()]
    assert {line["value"] for line in lines if line["name"] == "reach"} == {840}
    assert {line["value"] for line in lines if line["name"] in ("likes", "velocity.likes")} == {None}

    audited = command(*settings, "audit")
    assert (audited.code, "No difference." in audited.out) == (0, True), audited.out

    assert deliver(running, b"this is no JSON") == 200
    until(lambda: "1 dead letter" in command(*settings, "dead", "list").out, "the letter", said=running.worker.tail)
    (letter,) = [
        line.split()[0] for line in command(*settings, "dead", "list").out.splitlines() if "by instagram" in line
    ]
    assert "this is no JSON" in command(*settings, "dead", "show", letter).out
    assert "1 letter put back." in command(*settings, "dead", "replay", letter).out
    until(lambda: "2 dead letters" in command(*settings, "dead", "list").out, "its return", said=running.worker.tail)

    rebuilt = command(*settings, "rebuild")
    assert "view v2 is active" in rebuilt.out, rebuilt.err
    before, after = total(running), total(running, "v2")
    assert after == before
    assert deliver(running, envelope("comments", {**comment, "id": "c2"})) == 200
    until(lambda: total(running, "v2").get("comment.visible") == "2", "the new view", said=running.worker.tail)
    asyncio.run(running.installation.drained(said=running.worker.tail))
    assert command(*settings, "audit").code == 0
    assert command(*settings, "views", "list").out.split() == ["v1", "v2", "(active)"]
    assert command(*settings, "views", "drop", "v2").code == 2
    assert command(*settings, "views", "drop", "v1").code == 0
    assert command(*settings, "status", "--check").code == 0
    status = command(*settings, "status")
    assert "view v2: 0 records behind, 2 dead letters" in status.out
    assert max(map(len, status.out.splitlines())) <= 80

    needed = command(*settings, "delete", "campaign/spring")
    assert (needed.code, "still named by" in needed.err) == (2, True)
    gone = command(*settings, "delete", "campaign/spring", "agreement/spring-hana", "link/hana1")
    assert "3 written" in gone.out
    until(lambda: total(running, "v2").get("posts") is None, "the posts counted back", said=running.worker.tail)
    assert command(*settings, "audit").code == 0


@pytest.mark.slow
def test_an_audit_of_a_changed_counter_exits_with_1_and_names_it(running: Running, command: Command) -> None:
    settings = ("--settings", running.installation.file)
    active = command(*settings, "views", "list").out.split("  (active)")[0].split()[-1]
    key = f"{running.prefix}:{active}:{{c:spring}}:total"
    with redis.Redis.from_url(running.redis_url) as client:
        client.hincrby(key, "saves", 7)
        client.sadd(f"{running.prefix}:{active}:{{c:spring}}:totals", "total")
        audited = command(*settings, "audit")
        client.hdel(key, "saves")
    assert audited.code == 1
    assert "saves" in audited.out
    assert "tracker rebuild" in audited.out

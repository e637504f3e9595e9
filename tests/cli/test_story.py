"""From a file of definitions to an exact counter and back, as a person does it, step after step."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.cli.conftest import SIGNING, TOKEN, Command, Outcome, Running, until

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


COMMENT = {"id": "c1", "text": "lovely", "from": {"id": "55", "username": "fan.example"}, "media": {"id": "901"}}


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


def total(running: Running, view: str) -> dict[str, str]:
    """What `redis-cli HGETALL` answers for the key that docs/reference/redis.md names."""
    with redis.Redis.from_url(running.redis_url, decode_responses=True) as client:
        found: dict[str, str] = client.hgetall(f"{running.prefix}:{view}:{{c:spring}}:total")
    return found


class Person:
    """Types commands, and sends what a platform, a shop and a visitor send."""

    def __init__(self, running: Running, command: Command, file: Path) -> None:
        self.running, self.command, self.file = running, command, file
        self.file.write_text(DEFINITIONS)

    def types(self, *words: str | Path) -> Outcome:
        return self.command("--settings", self.running.installation.file, *words)

    def sees(self, said: str, *words: str) -> None:
        until(lambda: said in self.types(*words).out, said, said=self.running.worker.tail)

    def finds(self, expected: dict[str, str], view: str) -> None:
        """The total in Redis comes to hold these."""
        until(lambda: expected.items() <= total(self.running, view).items(), view, said=self.running.worker.tail)

    def defines_a_campaign(self) -> None:
        foretold = self.types("apply", self.file, "--dry-run")
        assert "+ campaign/spring" in foretold.out
        assert "Nothing was written (--dry-run): 4 would change" in foretold.out
        assert self.types("get").out == ""
        assert "4 written, 0 unchanged" in self.types("apply", self.file).out
        assert "0 written, 4 unchanged" in self.types("apply", self.file).out
        assert "id: spring-hana" in self.types("get", "agreement/spring-hana").out

    def moves_its_counters(self) -> None:
        insights = {"media_id": "902", "reach": 840, "impressions": 1020}
        assert deliver(self.running, envelope("comments", COMMENT)) == 200
        assert deliver(self.running, envelope("story_insights", insights)) == 200
        assert report(self.running, {"order": "o-1", "amount": 4990, "currency": "EUR", "code": "hana10"}) == 202
        assert report(self.running, {"order": "o-2", "amount": 3000, "currency": "JPY", "code": "HANA10"}) == 202
        clicked = httpx.get(f"{self.running.receiver}/r/hana1", trust_env=False)
        assert clicked.headers["location"].startswith("https://shop.example/spring?click_id=")
        counted = {"posts": "2", "comment.visible": "1", "reach": "840", "conversions": "2", "clicks": "1"}
        self.finds(counted | {"revenue.EUR": "4990", "revenue.JPY": "3000"}, "v1")
        assert "likes" not in total(self.running, "v1")

    def reads_its_numbers(self) -> None:
        shown = self.types("show", "spring").out
        assert [each for each in ("840", "49.90 EUR", "3,000 JPY", "left out: --all") if each not in shown] == []
        assert "unknown" not in shown
        assert max(map(len, shown.splitlines())) <= 80
        assert "unknown" in self.types("show", "spring", "--all").out
        lines = [json.loads(line) for line in self.types("show", "spring", "--json").out.splitlines()]
        assert {line["value"] for line in lines if line["name"] == "reach"} == {840}
        assert {line["value"] for line in lines if line["name"] in ("likes", "velocity.likes")} == {None}
        audited = self.types("audit")
        assert (audited.code, "No difference." in audited.out) == (0, True), audited.out

    def replays_a_dead_letter(self) -> None:
        assert deliver(self.running, b"this is no JSON") == 200
        self.sees("1 dead letter\n", "dead", "list")
        listed = self.types("dead", "list").out.splitlines()
        (letter,) = [line.split()[0] for line in listed if line.endswith("by instagram")]
        assert "this is no JSON" in self.types("dead", "show", letter).out
        assert self.types("dead", "show", "inbox-0-0-nobody").code == 2
        assert "1 letter put back." in self.types("dead", "replay", letter).out
        self.sees("2 dead letters\n", "dead", "list")

    def rebuilds_and_goes_on(self) -> None:
        rebuilt = self.types("rebuild")
        assert "view v2 is active" in rebuilt.out, rebuilt.err
        assert total(self.running, "v2") == total(self.running, "v1")
        assert deliver(self.running, envelope("comments", {**COMMENT, "id": "c2"})) == 200
        self.finds({"comment.visible": "2"}, "v2")
        assert self.types("audit").code == 0
        assert self.types("views", "list").out.split() == ["v1", "v2", "(active)"]
        assert [self.types("views", "drop", view).code for view in ("v2", "v9", "v1")] == [2, 2, 0]
        assert self.types("status", "--check").code == 0
        status = self.types("status").out
        assert "view v2: 0 records behind, 2 dead letters" in status
        assert max(map(len, status.splitlines())) <= 80

    def deletes_it(self) -> None:
        needed = self.types("delete", "campaign/spring")
        assert (needed.code, "still named by" in needed.err) == (2, True)
        assert "3 written" in self.types("delete", "campaign/spring", "agreement/spring-hana", "link/hana1").out
        until(lambda: "posts" not in total(self.running, "v2"), "counted back", said=self.running.worker.tail)
        assert self.types("audit").code == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_story_from_a_definition_to_a_proof(running: Running, command: Command, tmp_path: Path) -> None:
    person = Person(running, command, tmp_path / "spring.yaml")
    person.defines_a_campaign()
    person.moves_its_counters()
    person.reads_its_numbers()
    person.replays_a_dead_letter()
    person.rebuilds_and_goes_on()
    person.deletes_it()


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

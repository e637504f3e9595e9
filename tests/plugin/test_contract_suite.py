"""The contract suite itself: a good adapter passes it whole, and each kind of bad one fails the test that names it."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from tracker.domain.events import Fact, Instant, LinkClicked, ReactionObserved
from tracker.plugin import (
    Access,
    DueItem,
    Handshake,
    Headers,
    HttpRequest,
    Kind,
    Quota,
    RawPayload,
    Secrets,
    Unreadable,
    Verified,
)
from tracker.plugin.limits import retry_after_ms
from tracker.plugin.reading import read_json
from tracker.plugin.signing import signed_by_any
from tracker.plugin.testing import NOW, AdapterContract


class Good:
    """A small adapter that keeps the contract; each subclass below breaks it in one way."""

    name = "good"
    kept_headers: frozenset[str] = frozenset()
    polls: frozenset[Kind] = frozenset({"post"})
    batch: Mapping[Kind, int] = {"post": 2}
    public_base_url = "https://good.example"
    follows_up = False

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        ok = signed_by_any("sha256", secrets.signing, body, headers.get("x-good", ""))
        return Verified(ok, "" if ok else "x-good fits none of the secrets")

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        return None

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        if raw.endpoint not in {None, "posts"}:
            raise Unreadable("an unknown endpoint")
        post = read_json(raw.body)
        return [self.fact(post.member("post").identifier(), post.member("likes").count())]

    def fact(self, post: str, likes: int) -> Fact:
        return ReactionObserved(platform=self.name, account="a", post=post, observed_at=NOW, likes=likes)

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return [self.request(items[start : start + 2], access) for start in range(0, len(items), 2)]

    def request(self, items: Sequence[DueItem], access: Access) -> HttpRequest:
        headers = {"authorization": f"Bearer {access.token}"}
        url = f"{access.base_url}/posts?ids={','.join(item.post or '' for item in items)}"
        return HttpRequest(method="GET", url=url, endpoint="posts", items=tuple(items), headers=headers)

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        return []

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return Quota(wait_ms=retry_after_ms(headers) or 1_000) if status == 429 else Quota()


BODY = json.dumps({"post": "p", "likes": 3}).encode()
SAMPLES = (
    RawPayload(platform="good", source="webhook", name="main", received_at=NOW, body=BODY),
    RawPayload(
        platform="good",
        source="poll",
        name="api",
        received_at=NOW,
        body=BODY,
        endpoint="posts",
        items=(DueItem(platform="good", account="a", post="p"),),
        status=200,
    ),
)


def sign(body: bytes, secret: str) -> dict[str, str]:
    return {"x-good": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


class TestAGoodAdapterKeepsTheContract(AdapterContract):
    adapter = Good()
    samples = SAMPLES

    def sign(self, body: bytes, secret: str, now: Instant) -> Mapping[str, str]:
        return sign(body, secret)


class LetsAllIn(Good):
    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        return Verified(True)


class KnowsTheFirstSecretOnly(Good):
    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        return super().verify(headers, body, Secrets(signing=secrets.signing[:1]), now)


class ComparesInPlainSight(Good):
    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        return Verified(any(sign(body, secret) == headers for secret in secrets.signing if secret), "no")


class TakesAnEmptySecret(Good):
    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        return Verified(any(sign(body, secret) == headers for secret in secrets.signing), "no")


class BreaksOnOddSignatures(Good):
    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        bytes.fromhex(headers.get("x-good", ""))
        return super().verify(headers, body, secrets, now)


class TellsTheSecret(Good):
    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        verdict = super().verify(headers, body, secrets, now)
        return verdict if verdict.ok else Verified(False, f"expected {' '.join(secrets.signing)}")


class Guesses(Good):
    def fact(self, post: str, likes: int) -> Fact:
        return super().fact(post, random.randrange(10**6))


class Remembers(Good):
    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        self.last = raw
        return super().parse(raw)


class TrustsItsInput(Good):
    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        if raw.endpoint not in {None, "posts"}:
            raise Unreadable("an unknown endpoint")
        post: Any = json.loads(raw.body)
        return [self.fact(post["post"], post["likes"])]


class CatchesAllButTrusts(TrustsItsInput):
    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        try:
            return super().parse(raw)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unreadable(type(error).__name__) from error


class SpeaksForAnother(Good):
    def fact(self, post: str, likes: int) -> Fact:
        return msgspec.structs.replace(super().fact(post, likes), platform="other")


class GivesNumbersForIds(Good):
    def fact(self, post: str, likes: int) -> Fact:
        return ReactionObserved(platform=self.name, account=17, post=post, observed_at=NOW)  # type: ignore[arg-type]


class GivesImpossibleCounts(Good):
    def fact(self, post: str, likes: int) -> Fact:
        return super().fact(post, -1)


class ReadsAnyEndpoint(Good):
    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        return super().parse(msgspec.structs.replace(raw, endpoint=None))


class SaysNothing(Good):
    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        super().parse(raw)
        return []


class ForgetsTheLast(Good):
    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return super().requests(items[:-1], access)


class AsksForTooMany(Good):
    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return [self.request(items, access)] if items else []


class ShowsItsToken(Good):
    def request(self, items: Sequence[DueItem], access: Access) -> HttpRequest:
        asked = super().request(items, access)
        return msgspec.structs.replace(asked, url=f"{asked.url}&access_token={access.token}")


class AsksElsewhere(Good):
    def request(self, items: Sequence[DueItem], access: Access) -> HttpRequest:
        return super().request(items, Access(base_url="https://elsewhere.example"))


class AsksUnannounced(Good):
    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        return [self.request([DueItem(platform="good", account="a", post="p")], access)] if raw.endpoint is None else []


class AnnouncesAndNeverAsks(Good):
    follows_up = True


class FollowsUpWhatItTrusts(Good):
    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        json.loads(raw.body)["post"]
        return []


class IsDeaf(Good):
    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return Quota()


class BelievesAnyHeader(Good):
    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        waits = int(headers["retry-after"]) * 1000 if "retry-after" in headers else 1_000
        return Quota(wait_ms=waits) if status == 429 or "retry-after" in headers else Quota()


class TakesAnyGetForAHandshake(Good):
    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        return Handshake(200)


class StatesAClick(Good):
    def fact(self, post: str, likes: int) -> Fact:
        return LinkClicked(platform=self.name, observed_at=NOW, click="", link=post)


@pytest.mark.parametrize(
    ("adapter", "broken"),
    [
        (LetsAllIn(), "test_a_signature_fits_its_bytes_and_its_secret_only"),
        (LetsAllIn(), "test_a_mutilated_signature_is_refused_and_raises_nothing"),
        (KnowsTheFirstSecretOnly(), "test_any_of_several_secrets_is_right_so_that_they_can_be_rotated"),
        (ComparesInPlainSight(), "test_signatures_are_compared_in_constant_time"),
        (TakesAnEmptySecret(), "test_no_secret_or_an_empty_one_lets_nothing_in"),
        (BreaksOnOddSignatures(), "test_a_mutilated_signature_is_refused_and_raises_nothing"),
        (TellsTheSecret(), "test_a_signature_fits_its_bytes_and_its_secret_only"),
        (Guesses(), "test_parsing_repeats_itself_and_changes_nothing"),
        (Remembers(), "test_parsing_repeats_itself_and_changes_nothing"),
        (TrustsItsInput(), "test_garbage_is_unreadable_and_nothing_else"),
        (TrustsItsInput(), "test_any_bytes_give_valid_facts_or_are_unreadable"),
        (CatchesAllButTrusts(), "test_a_mutated_payload_gives_valid_facts_or_is_unreadable"),
        (SpeaksForAnother(), "test_facts_are_valid_on_the_wire"),
        (GivesNumbersForIds(), "test_facts_are_valid_on_the_wire"),
        (GivesImpossibleCounts(), "test_facts_are_valid_on_the_wire"),
        (StatesAClick(), "test_facts_are_valid_on_the_wire"),
        (ReadsAnyEndpoint(), "test_an_answer_of_an_unknown_endpoint_is_unreadable"),
        (SaysNothing(), "test_there_are_samples_and_each_parses"),
        (ForgetsTheLast(), "test_every_due_item_is_asked_for_within_the_batch_sizes"),
        (AsksForTooMany(), "test_every_due_item_is_asked_for_within_the_batch_sizes"),
        (ShowsItsToken(), "test_every_due_item_is_asked_for_within_the_batch_sizes"),
        (AsksElsewhere(), "test_every_due_item_is_asked_for_within_the_batch_sizes"),
        (AsksUnannounced(), "test_a_webhook_calls_for_nothing_unless_the_adapter_says_so"),
        (AnnouncesAndNeverAsks(), "test_a_webhook_calls_for_nothing_unless_the_adapter_says_so"),
        (FollowsUpWhatItTrusts(), "test_a_mutated_payload_calls_for_requests_or_is_unreadable"),
        (IsDeaf(), "test_a_429_is_heard"),
        (BelievesAnyHeader(), "test_reading_limits_never_raises"),
        (TakesAnyGetForAHandshake(), "test_a_query_that_is_no_handshake_is_left_alone"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_bad_adapter_fails_the_test_that_names_its_fault(adapter: Good, broken: str) -> None:
    class Suite(TestAGoodAdapterKeepsTheContract):
        pass

    Suite.adapter = adapter
    # An ExceptionGroup where Hypothesis finds several faults of one adapter.
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError, RecursionError, ExceptionGroup)):
        getattr(Suite(), broken)()

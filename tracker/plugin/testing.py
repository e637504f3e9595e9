"""The contract suite for platform adapters: inherit it, give it payloads, and pytest does the rest.

```python
class TestPebble(AdapterContract):
    adapter = Pebble()
    samples = (RawPayload(...), ...)                       # real formats, synthetic contents

    def sign(self, body, secret, now):                     # None, or left out: this platform has no webhooks
        return {"x-pebble-signature": ...}
```

It needs pytest and hypothesis, which the tracker itself does not.

1. A signature is right for its very bytes, its secret and its time, and for nothing else; secrets rotate.
2. `parse` is pure: it repeats itself and changes nothing.
3. Facts are valid on the wire, carry the adapter's name and string ids; anything unreadable is Unreadable.
4. `requests` covers every due item, within the batch sizes, without a token in an address.
5. A 429 is heard.
6. A webhook calls for questions only where `follows_up` says so.
"""

from __future__ import annotations

import copy
import hmac
import json
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar, get_type_hints

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.domain.events import AnyEvent, DefinitionChanged, Fact, Instant, wrap
from tracker.plugin.api import Access, DueItem, HttpRequest, Kind, PlatformAdapter, RawPayload, Secrets, Unreadable

NOW: Instant = 1_790_000_000_000
# How many examples is the active Hypothesis profile's affair.
_QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_events = msgspec.json.Decoder(AnyEvent)

_STRANGE_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**19,
    10**400,
    "",
    "0",
    "-1",
    "x" * 600,
    "\ud83d",
    "\x00",
    "2026-13-45T99:99:99Z",
    [],
    {},
    [None],
    {"id": None},
    [[[[[[]]]]]],
)


def check_fact(adapter: PlatformAdapter, fact: Fact, raw: RawPayload) -> None:
    """What holds for every fact of an adapter. Raises AssertionError."""
    assert isinstance(fact, Fact), f"{type(fact).__name__} is no fact"
    assert not isinstance(fact, DefinitionChanged), "definitions are applied, never parsed"
    assert raw.source == "import" or fact.platform == adapter.name, "a fact's platform is its adapter's name"
    for field in ("account", "post", "comment", "parent", "order", "click", "reaction"):
        id = getattr(fact, field, None)
        assert id is None or isinstance(id, str), f"{field} is {type(id).__name__}: ids are strings"
    event = wrap(fact, id="contract", source=raw.source)
    assert _events.decode(msgspec.json.encode(event)) == event, "a fact must read back as it was written"


class AdapterContract:
    """What any platform adapter keeps. A subclass gives `adapter` and `samples`, and `sign` where there are webhooks.

    Attributes:
        adapter: the adapter under test.
        samples: payloads that parse, of every kind it reads: webhooks, and answers with `endpoint` and `items`.
        access: how its API would be reached.
    """

    adapter: ClassVar[PlatformAdapter]
    samples: ClassVar[Sequence[RawPayload]]
    access: ClassVar[Access] = Access(
        base_url="http://127.0.0.1:1/api",
        token="token-of-all",  # noqa: S106 - nobody's
        tokens={"UCa1": "token-of-a1"},
    )

    def sign(self, body: bytes, secret: str, now: Instant) -> Mapping[str, str] | None:
        """The headers of a webhook signed with `secret` at `now`; None: this platform sends no webhooks."""
        return None

    def item(self, number: int, kind: Kind) -> DueItem:
        """The due item of this number; three accounts share the posts."""
        account = f"UCa{number % 3}" if kind == "post" else f"UCa{number}"
        return DueItem(platform=self.adapter.name, account=account, post=f"p{number}" if kind == "post" else None)

    # Signatures

    def test_a_signature_fits_its_bytes_and_its_secret_only(self) -> None:
        if self._unsigned():
            return
        body = b'{"some":"body","and":"\\u30d7\\u30e9"}'
        headers = self._signed(body, "right")
        assert self._verdict(headers, body, "right")
        assert not self._verdict(headers, body, "wrong")
        assert not self._verdict(headers, body + b" ", "right")
        assert not self._verdict(headers, b"", "right")
        assert not self._verdict({}, body, "right")

    def test_any_of_several_secrets_is_right_so_that_they_can_be_rotated(self) -> None:
        if self._unsigned():
            return
        for secret in ("old", "new"):
            assert self._verdict(self._signed(b"{}", secret), b"{}", "old", "new")
        assert not self._verdict(self._signed(b"{}", "gone"), b"{}", "old", "new")

    def test_no_secret_or_an_empty_one_lets_nothing_in(self) -> None:
        if self._unsigned():
            return
        for secrets in ((), ("",)):
            assert not self._verdict(self._signed(b"{}", ""), b"{}", *secrets)

    def test_a_mutilated_signature_is_refused_and_raises_nothing(self) -> None:
        if self._unsigned():
            return
        right = self._signed(b"{}", "right")

        @_QUICK
        @given(st.data())
        def check(data: st.DataObject) -> None:
            name = data.draw(st.sampled_from(sorted(right)))
            value = data.draw(
                st.text(max_size=80) | st.integers(0, len(right[name]) - 1).map(lambda n: right[name][:n])
            )
            assert not self._verdict({**right, name: value}, b"{}", "right")

        check()

    def test_signatures_are_compared_in_constant_time(self) -> None:
        if self._unsigned():
            return
        headers, called = self._signed(b"{}", "right"), list[object]()

        def watch(frame: FrameType, event: str, argument: object) -> None:
            if event == "c_call":
                called.append(argument)

        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            self._verdict(headers, b"{}", "wrong")
        finally:
            sys.setprofile(before)
        assert hmac.compare_digest in called, "compare digests with hmac.compare_digest, never with =="

    # Parsing

    def test_there_are_samples_and_each_parses(self) -> None:
        assert self.samples
        assert any(self.adapter.parse(sample) for sample in self.samples), "no sample gives a single fact"

    def test_parsing_repeats_itself_and_changes_nothing(self) -> None:
        for sample in self.samples:
            before = copy.deepcopy(sample)
            state = copy.deepcopy(vars(self.adapter)) if hasattr(self.adapter, "__dict__") else {}
            assert list(self.adapter.parse(sample)) == list(self.adapter.parse(sample))
            assert sample == before
            assert (vars(self.adapter) if hasattr(self.adapter, "__dict__") else {}) == state

    def test_facts_are_valid_on_the_wire(self) -> None:
        for sample in self.samples:
            for fact in self.adapter.parse(sample):
                check_fact(self.adapter, fact, sample)

    def test_garbage_is_unreadable_and_nothing_else(self) -> None:
        deep = 100_000
        garbage = (
            b"",
            b"null",
            b"[]",
            b"{}",
            b"[" * deep,
            b'{"a":' * deep,
            b"<a>" * deep,
            b"\xff\xfe\x00",
            b"\xef\xbb\xbf{}",
            b'{"a":NaN}',
            b'{"a":1,"a":2}',
            b"1" * 5000,
            b'"\\ud800"',
        )
        for sample in self.samples:
            for body in garbage:
                self._facts_or_unreadable(msgspec.structs.replace(sample, body=body))

    def test_a_mutated_payload_gives_valid_facts_or_is_unreadable(self) -> None:
        @_QUICK
        @given(st.sampled_from(list(self.samples)), st.data())
        def check(sample: RawPayload, data: st.DataObject) -> None:
            self._facts_or_unreadable(msgspec.structs.replace(sample, body=data.draw(mutations(sample.body))))

        check()

    def test_any_bytes_give_valid_facts_or_are_unreadable(self) -> None:
        @_QUICK
        @given(st.sampled_from(list(self.samples)), st.binary(max_size=200))
        def check(sample: RawPayload, body: bytes) -> None:
            self._facts_or_unreadable(msgspec.structs.replace(sample, body=body))

        check()

    def test_an_answer_of_an_unknown_endpoint_is_unreadable(self) -> None:
        for sample in self.samples:
            if sample.endpoint is not None:
                strange = msgspec.structs.replace(sample, endpoint="no such endpoint")
                assert self._facts_or_unreadable(strange) == []

    # Asking

    def test_every_due_item_is_asked_for_within_the_batch_sizes(self) -> None:
        kinds = sorted(self.adapter.polls)
        if not kinds:
            assert list(self.adapter.requests([], self.access)) == []
            return

        @_QUICK
        @given(st.lists(st.tuples(st.integers(0, 150), st.sampled_from(kinds)), max_size=130, unique=True))
        def check(numbers: list[tuple[int, Kind]]) -> None:
            items = [self.item(number, kind) for number, kind in numbers]
            requests = self.adapter.requests(items, self.access)
            assert {item for request in requests for item in request.items} == set(items)
            for request in requests:
                self._check_request(request)
                for kind in kinds:
                    assert sum(item.kind == kind for item in request.items) <= self.adapter.batch[kind]

        check()

    def test_what_an_answer_calls_for_can_be_asked(self) -> None:
        for sample in self.samples:
            for request in self.adapter.follow_up(sample, self.access):
                self._check_request(request)

    def test_a_webhook_calls_for_nothing_unless_the_adapter_says_so(self) -> None:
        called = [
            sample for sample in self.samples if sample.endpoint is None and self.adapter.follow_up(sample, self.access)
        ]
        if self.adapter.follows_up:
            assert called, "`follows_up` is set: give a sample of a webhook that calls for a question"
        else:
            assert not called, "`follows_up` is not set: nobody would ask what these webhooks call for"

    def test_a_mutated_payload_calls_for_requests_or_is_unreadable(self) -> None:
        @_QUICK
        @given(st.sampled_from(list(self.samples)), st.data())
        def check(sample: RawPayload, data: st.DataObject) -> None:
            mutated = msgspec.structs.replace(sample, body=data.draw(mutations(sample.body)))
            try:
                requests = self.adapter.follow_up(mutated, self.access)
            except Unreadable:
                return
            for request in requests:
                self._check_request(request)

        check()

    def test_a_429_is_heard(self) -> None:
        if not self.adapter.polls:
            return
        for body in (b"", b"{}", b"<html>", b"\xff"):
            waits = self.adapter.quota(429, {}, body).wait_ms
            assert waits is not None
            assert waits > 0
        assert self.adapter.quota(429, {"retry-after": "7"}, b"").wait_ms == 7000

    def test_reading_limits_never_raises(self) -> None:
        @_QUICK
        @given(
            st.integers(100, 599), st.dictionaries(st.sampled_from(_LIMIT_HEADERS), st.text(max_size=60)), st.binary()
        )
        def check(status: int, headers: dict[str, str], body: bytes) -> None:
            waits = self.adapter.quota(status, headers, body).wait_ms
            assert waits is None or waits >= 0

        check()

    def test_a_query_that_is_no_handshake_is_left_alone(self) -> None:
        assert self.adapter.handshake({}, Secrets(signing=("s",), verify_token="v")) is None  # noqa: S106

    def test_the_adapter_declares_all_that_the_protocol_names(self) -> None:
        for name in get_type_hints(PlatformAdapter):
            assert hasattr(self.adapter, name), name
        assert all(name == name.lower() for name in self.adapter.kept_headers)

    def _unsigned(self) -> bool:
        if self.sign(b"{}", "right", NOW) is not None:
            return False
        assert not self.adapter.verify({}, b"{}", Secrets(signing=("right",)), NOW).ok, "unsigned webhooks are let in"
        return True

    def _signed(self, body: bytes, secret: str) -> Mapping[str, str]:
        headers = self.sign(body, secret, NOW)
        assert headers
        return headers

    def _verdict(self, headers: Mapping[str, str], body: bytes, *secrets: str) -> bool:
        verdict = self.adapter.verify(headers, body, Secrets(signing=secrets), NOW)
        assert verdict.ok or verdict.reason, "a refusal says why"
        assert not any(secret and secret in verdict.reason.split() for secret in secrets), "a reason names no secret"
        return verdict.ok

    def _facts_or_unreadable(self, raw: RawPayload) -> list[Fact]:
        try:
            facts = list(self.adapter.parse(raw))
        except Unreadable as error:
            reason = error.reason.encode()  # it must stand in a log and in a dead letter
        else:
            for fact in facts:
                check_fact(self.adapter, fact, raw)
            return facts
        assert 0 < len(reason) < 1_000
        return []

    def _check_request(self, request: HttpRequest) -> None:
        assert request.url.startswith(self.access.base_url)
        assert request.url.isascii()
        assert " " not in request.url
        assert request.items
        assert request.cost >= 0
        assert request.method == "POST" or request.body is None
        assert all(name == name.lower() for name in request.headers)
        for token in (self.access.token, *self.access.tokens.values()):
            assert token is None or token not in request.url, "tokens go into headers: addresses are logged"


_LIMIT_HEADERS = ("date", "retry-after", "x-app-usage", "x-business-use-case-usage", "x-ratelimit-reset")


@st.composite
def mutations(draw: st.DrawFn, body: bytes) -> bytes:
    """A payload with something wrong with it: bytes cut, flipped or repeated; where it is JSON, a value exchanged."""
    if draw(st.booleans()):
        exchanged = _exchanged(draw, body)
        if exchanged is not None:
            return exchanged
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 40)))
    middle = draw(st.sampled_from((b"", b'"', b"0", b"9" * 20, b"\x00", b"\xff", b"<", b"&x;", b"]", b"null")))
    match draw(st.sampled_from(("cut", "replace", "repeat"))):
        case "cut":
            return body[:start]
        case "replace":
            return body[:start] + middle + body[end:]
        case _:
            return body[:end] + body[start:]


def _exchanged(draw: st.DrawFn, body: bytes) -> bytes | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    places = list(_places(document))
    if not places:
        return None
    holder, key = draw(st.sampled_from(places))
    value = holder[key]
    nested = isinstance(value, str) and value[:1] == "{"
    if nested and draw(st.booleans()):
        holder[key] = draw(mutations(value.encode())).decode("utf-8", "replace")
    elif isinstance(holder, dict) and draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = draw(st.sampled_from(_STRANGE_VALUES))
    return json.dumps(document).encode()


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    if isinstance(node, dict):
        return [(node, key) for key in node] + [place for child in node.values() for place in _places(child)]
    if isinstance(node, list):
        return [(node, index) for index in range(len(node))] + [place for child in node for place in _places(child)]
    return []

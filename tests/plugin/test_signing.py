from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.plugin.limits import answered_at, retry_after_ms
from tracker.plugin.signing import Algorithm, digest_of, same_token, signed_by_any


def test_the_digest_is_the_published_one() -> None:
    """RFC 4231, test case 2."""
    digest = digest_of("sha256", "Jefe", b"what do ya want for nothing?")
    assert digest.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


ALGORITHMS: tuple[Algorithm, ...] = ("sha1", "sha256", "sha384", "sha512")


@given(st.text(min_size=1), st.binary(), st.sampled_from(ALGORITHMS))
def test_a_signature_in_either_case_fits_its_own_secret_and_message(
    secret: str, message: bytes, algorithm: Algorithm
) -> None:
    written = hmac.new(secret.encode(), message, algorithm).hexdigest()
    assert signed_by_any(algorithm, ["other", secret], message, written)
    assert signed_by_any(algorithm, [secret], message, written.upper())
    assert not signed_by_any(algorithm, [secret + "x"], message, written)
    assert not signed_by_any(algorithm, [secret], message + b"x", written)


@given(st.text(max_size=80))
def test_no_text_that_is_no_digest_fits_or_raises(written: str) -> None:
    assert not signed_by_any("sha256", ["secret"], b"{}", written)


def test_an_empty_secret_signs_nothing() -> None:
    assert not signed_by_any("sha256", [""], b"{}", digest_of("sha256", "", b"{}").hex())


@pytest.mark.parametrize(
    ("expected", "given_", "same"),
    [("a", "a", True), ("a", "b", False), ("", "", False), (None, "", False), ("a", None, False), ("é", "é", True)],
)
def test_only_a_token_that_was_chosen_is_the_same(expected: str | None, given_: str | None, same: bool) -> None:
    assert same_token(expected, given_) is same


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "120"}, 120_000),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "99999999"}, 86_400_000),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({}, None),
        ({"retry-after": "Thu, 28 May 2026 20:00:30 GMT", "date": "Thu, 28 May 2026 20:00:00 GMT"}, 30_000),
        ({"retry-after": "Thu, 28 May 2026 19:00:00 GMT", "date": "Thu, 28 May 2026 20:00:00 GMT"}, 0),
        ({"retry-after": "Thu, 28 May 2026 20:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers: dict[str, str], wait: int | None) -> None:
    assert retry_after_ms(headers) == wait


def test_the_answers_own_date_is_its_time() -> None:
    assert answered_at({"date": "Thu, 28 May 2026 20:00:00 GMT"}) == 1_779_998_400_000
    assert answered_at({"date": "today"}) is None

"""The laws of tracker/domain/click.py."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracker.domain.click import RANDOM_BYTES, BadClick, Click, issue, read

SECRET = "synthetic-secret"
links = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)
instants = st.integers(0, 253_402_300_799_999)
randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
secrets = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
ALPHABET = string.ascii_letters + string.digits + "-_"


@given(links, instants, randoms, secrets, st.lists(secrets, max_size=2))
def test_an_id_says_its_link_and_time_to_whoever_holds_the_secret(
    link: str, at: int, random: bytes, secret: str, others: list[str]
) -> None:
    click = issue(link, at, random, secret)
    assert read(click, [*others, secret]) == Click(link, at)
    assert set(click) <= set(ALPHABET)


@given(links, instants, randoms, secrets, secrets)
def test_without_its_secret_an_id_is_refused(link: str, at: int, random: bytes, secret: str, other: str) -> None:
    assume(secret.encode().rstrip(b"\0") != other.encode().rstrip(b"\0"))  # HMAC pads a key with zeros (RFC 2104)
    with pytest.raises(BadClick):
        read(issue(link, at, random, secret), [other])


@given(links, instants, randoms, st.data())
def test_any_change_of_an_id_is_refused(link: str, at: int, random: bytes, data: st.DataObject) -> None:
    click = issue(link, at, random, SECRET)
    place = data.draw(st.integers(0, len(click) - 1))
    other = data.draw(st.sampled_from([character for character in ALPHABET if character != click[place]]))
    changed = data.draw(
        st.sampled_from(
            [click[:place] + other + click[place + 1 :], click[:place], click + other, click + "=", " " + click]
        )
    )
    with pytest.raises(BadClick):
        read(changed, [SECRET])


@given(st.text(max_size=250) | st.text(ALPHABET, max_size=250))
def test_what_we_did_not_issue_is_refused(text: str) -> None:
    with pytest.raises(BadClick):
        read(text, [SECRET, ""])


def test_an_empty_secret_signs_and_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="empty secret"):
        issue("abc", 1, bytes(RANDOM_BYTES), "")
    with pytest.raises(BadClick):
        read(issue("abc", 1, bytes(RANDOM_BYTES), SECRET), [])


@pytest.mark.parametrize(
    ("link", "at", "random"),
    [("", 1, bytes(8)), ("a b", 1, bytes(8)), ("x" * 65, 1, bytes(8)), ("abc", -1, bytes(8)), ("abc", 2**48, bytes(8)),
     ("abc", 1, bytes(7))],
)  # fmt: skip
def test_what_an_id_cannot_carry_is_not_issued(link: str, at: int, random: bytes) -> None:
    with pytest.raises(ValueError, match=r"link code|instant|random bytes"):
        issue(link, at, random, SECRET)


def test_two_clicks_in_one_millisecond_differ() -> None:
    assert issue("abc", 1, b"00000000", SECRET) != issue("abc", 1, b"00000001", SECRET)

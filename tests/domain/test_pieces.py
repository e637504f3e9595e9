"""How states are named and stored (tracker/domain/pieces.py, partition.py)."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.domain.world import World
from tests.strategies import histories
from tracker.domain.errors import UnreadableState
from tracker.domain.events import AnyEvent
from tracker.domain.fold import PartitionState
from tracker.domain.pieces import (
    STATE_VERSION,
    account_piece,
    comment_piece,
    decode_state,
    encode_state,
    post_piece,
)
from tracker.domain.posts import Comment

ids = st.text(alphabet=":/1a", min_size=1, max_size=5)


@example("a:b", "c", "a", "b:c")
@given(ids, ids, ids, ids)
def test_two_posts_never_share_a_key(account: str, post: str, other_account: str, other_post: str) -> None:
    same = (account, post) == (other_account, other_post)
    assert (post_piece("youtube", account, post) == post_piece("youtube", other_account, other_post)) == same


@example("a", "b:c", "d", "a", "b", "c:d")
@given(ids, ids, ids, ids, ids, ids)
def test_two_comments_never_share_a_key(a: str, b: str, c: str, x: str, y: str, z: str) -> None:
    assert (comment_piece("tiktok", a, b, c) == comment_piece("tiktok", x, y, z)) == ((a, b, c) == (x, y, z))


@settings(deadline=None)
@given(histories("activity"), histories("commerce"))
def test_a_state_reads_back(activity: list[AnyEvent], commerce: list[AnyEvent]) -> None:
    world = World()
    world.fold(*activity, *commerce)
    assert world.partition is not None
    for key, state in world.partition.states.items():
        if state is not None:
            assert decode_state(key, encode_state(state)) == state


@pytest.mark.parametrize(
    "spoilt", [b"", bytes([STATE_VERSION + 1]), bytes([STATE_VERSION]), bytes([STATE_VERSION]) + b"\x93"]
)
def test_a_state_of_another_form_is_refused_and_named(spoilt: bytes) -> None:
    key = account_piece("youtube", "UC")
    with pytest.raises(UnreadableState, match=r"state account:youtube:UC.*tracker rebuild") as caught:
        decode_state(key, spoilt)
    assert caught.value.what == "state account:youtube:UC"


def test_another_kind_of_state_cut_short_is_refused() -> None:
    with pytest.raises(UnreadableState):
        decode_state("comment:x", encode_state(Comment((1, 0)))[:-1])


@pytest.mark.parametrize(
    ("origins", "definitions"),
    [({"log": "1/2"}, {}), ({"log/0": "1"}, {}), ({}, {"campaign:c": b"{"})],
)
def test_a_head_that_cannot_be_read_is_refused(origins: dict[str, str], definitions: dict[str, bytes]) -> None:
    with pytest.raises(UnreadableState):
        PartitionState(stage="activity", origins=origins, definitions=definitions)


def test_what_is_written_longest_ago_is_forgotten_first() -> None:
    partition = PartitionState(stage="activity")
    partition.states = {"a": None, "b": None, "c": None}
    partition.shrink(2)
    assert list(partition.states) == ["b", "c"]

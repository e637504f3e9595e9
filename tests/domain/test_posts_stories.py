"""What happens to posts, told one by one: rollbacks, removals, hidden likes, edits, late definitions."""

from __future__ import annotations

import pytest

from tests.domain.world import ANNA, DAY, DEAL, HOUR, MINUTE, SCENE, SPRING, T, World, observation, post
from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import Agreement, Campaign


@pytest.fixture
def world() -> World:
    return World().defines(*SCENE).says(post())


def increment(
    at: int, reaction: str, kind: type[ev.ReactionAdded] | type[ev.ReactionRemoved] = ev.ReactionAdded
) -> ev.Fact:
    return kind(platform="youtube", account="UC-anna", post="p", observed_at=at, reaction=reaction, metric="likes")


def about_post(kind: type[ev.PostRemoved] | type[ev.PostRestored], at: int) -> ev.Fact:
    return kind(platform="youtube", account="UC-anna", post="p", observed_at=at)


def about_comment(kind: type[ev.CommentFact], at: int) -> ev.Fact:
    return kind(platform="youtube", account="UC-anna", post="p", comment="c", observed_at=at)


def test_a_like_count_that_falls_takes_back_what_it_gave(world: World) -> None:
    world.says(observation(T + 1, likes=120)).says(observation(T + 2, likes=80))
    assert world.of()["likes"] == 80


def test_a_late_observation_fills_the_curve_and_changes_no_count(world: World) -> None:
    world.says(observation(T + 2 * HOUR, likes=100)).says(observation(T + HOUR, likes=60))
    assert world.of()["likes"] == 100
    assert world.of()["likes.age.3600"] == 60


def test_hidden_likes_are_unknown_and_never_zero(world: World) -> None:
    world.says(observation(T + 1, comments=3))
    assert "likes" not in world.of()
    assert world.of()["likes.unknown"] == 1
    assert "er.followers.posts" not in world.of()


def test_likes_that_become_hidden_keep_their_last_value(world: World) -> None:
    world.says(observation(T + 1, likes=7, comments=1)).says(observation(T + 2, comments=2))
    assert (world.of()["likes"], world.of()["likes.known"]) == (7, 1)


def test_a_zero_is_known(world: World) -> None:
    world.says(observation(T + 1, likes=0))
    assert world.of().get("likes") is None
    assert world.of()["likes.known"] == 1


def test_a_removed_post_keeps_its_last_values_and_may_be_restored(world: World) -> None:
    world.says(observation(T + 1, likes=5), about_post(ev.PostRemoved, T + 2))
    assert (world.of()["likes"], world.of()["posts"], world.of()["posts.removed"]) == (5, 1, 1)
    assert "posts.live" not in world.of()
    world.says(about_post(ev.PostRestored, T + 3))
    assert world.of()["posts.live"] == 1
    assert "posts.removed" not in world.of()


def test_at_the_same_instant_removed_wins(world: World) -> None:
    world.says(about_post(ev.PostRemoved, T + 2)).says(about_post(ev.PostRestored, T + 2))
    assert world.of()["posts.removed"] == 1


def test_a_poll_that_still_finds_the_post_restores_it_and_a_webhook_does_not(world: World) -> None:
    world.says(about_post(ev.PostRemoved, T + 2)).says(observation(T + 3, likes=1))
    assert world.of()["posts.removed"] == 1
    world.says(observation(T + 4, likes=1), source="poll")
    assert world.of()["posts.live"] == 1


def test_an_edit_that_removes_the_hashtag_takes_everything_back(world: World) -> None:
    world.says(observation(T + 1, likes=9))
    world.says(
        ev.PostEdited(platform="youtube", account="UC-anna", post="p", observed_at=T + 2, text="no tag any more")
    )
    assert world.partials == {}
    world.says(ev.PostEdited(platform="youtube", account="UC-anna", post="p", observed_at=T + 3, text="again #AD"))
    assert (world.of()["likes"], world.of()["posts.edited"]) == (9, 1)


def test_an_edit_is_one_even_if_it_says_nothing_new(world: World) -> None:
    world.says(ev.PostEdited(platform="youtube", account="UC-anna", post="p", observed_at=T + 2))
    assert world.of()["posts.edited"] == 1


def test_any_statement_matches_a_post_whose_account_and_window_suffice() -> None:
    world = World().defines(SPRING, ANNA, Agreement(id="deal", campaign="spring", creator="anna"))
    world.says(observation(T + 31 * DAY, likes=1))
    assert world.partials == {}
    world.says(about_comment(ev.CommentCreated, T + DAY))
    assert (world.of()["posts"], world.of()["likes"]) == (1, 1)


def test_an_older_text_that_comes_late_changes_no_match_but_shows_the_edit(world: World) -> None:
    world.says(post(T - 1, text="before the tag"))
    assert (world.of()["posts"], world.of()["posts.edited"]) == (1, 1)


def test_a_deleted_agreement_takes_its_posts_back_and_word_of_mouth_remains() -> None:
    world = World().defines(*SCENE).says(post(text="#ad #spring"), observation(T + 1, likes=4))
    world.deletes(DEAL)
    assert world.of() == {}
    assert world.of(who="~wom")["likes"] == 4


def test_a_moved_window_matches_anew() -> None:
    world = World().defines(*SCENE).says(post())
    world.defines(Campaign(id="spring", name="Spring", starts_at=T + 1, ends_at=T + DAY))
    assert world.partials == {}


def test_a_post_counts_in_each_of_two_campaigns_that_overlap(world: World) -> None:
    world.says(observation(T + 1, likes=4))
    world.defines(Campaign(id="summer", name="Summer", starts_at=T, ends_at=T + DAY))
    world.defines(Agreement(id="second", campaign="summer", creator="anna"))
    assert (world.of("spring")["likes"], world.of("summer")["likes"], world.of("summer", "anna")["likes"]) == (4, 4, 4)


def test_of_several_agreements_the_least_id_is_the_one() -> None:
    berta = type(ANNA)(id="berta", name="Synthetic Berta", accounts=ANNA.accounts)
    world = World().defines(SPRING, ANNA, berta, DEAL, Agreement(id="a", campaign="spring", creator="berta"))
    world.says(post())
    assert world.of(who="berta")["posts"] == 1
    assert world.of(who="anna") == {}


def test_a_submitted_address_counts_whatever_the_post_says() -> None:
    address = "https://youtu.be/x?utm_source=share"
    deal = Agreement(id="deal", campaign="spring", creator="anna", submitted=("http://youtu.be/x/",))
    world = World().defines(SPRING, deal).says(post(account="UC-other", text="nothing", permalink=address))
    assert (world.of(who="anna")["posts.by.submitted"], world.of()["posts.by.submitted"]) == (1, 1)


def test_increments_after_the_observed_minute_count_on_top_of_it(world: World) -> None:
    world.says(observation(T + MINUTE, likes=10), increment(T + MINUTE + 59_999, "same minute"))
    assert world.of()["likes"] == 10
    world.says(increment(T + 2 * MINUTE, "next minute"), increment(T + 2 * MINUTE, "next minute"))
    assert world.of()["likes"] == 11
    world.says(observation(T + 2 * MINUTE, likes=11))
    assert world.of()["likes"] == 11


def test_increments_below_zero_are_unknown(world: World) -> None:
    world.says(increment(T, "gone", ev.ReactionRemoved))
    assert "likes" not in world.of()
    assert world.of()["likes.unknown"] == 1


def test_an_increment_older_than_the_window_is_refused_and_leaves_no_trace(world: World) -> None:
    world.says(observation(T + 8 * DAY, shares=1))
    before = world.partials.copy()
    world.says(
        ev.ReactionAdded(platform="youtube", account="UC-anna", post="new", observed_at=T, reaction="r", metric="likes")
    )
    assert world.partials == before
    assert len(world.refused) == 1
    assert "more than 7 days" in world.refused[0]


def test_ids_of_increments_are_forgotten_when_no_repeat_can_be_accepted(world: World) -> None:
    world.says(increment(T, "r"))
    assert world.seen == {T // DAY: {f"{T // DAY}/r"}}
    facts = increment(T + DAY, "next day"), observation(T + 9 * DAY, shares=1)
    folded = world.fold(*(ev.wrap(fact, id="e", source="poll") for fact in facts))
    assert folded.forget_days_before == T // DAY + 2
    assert folded.seen == {}


def test_a_comment_stands_as_its_latest_statement_says(world: World) -> None:
    world.says(about_comment(ev.CommentCreated, T + 1))
    assert world.of()["comment.visible"] == 1
    world.says(about_comment(ev.CommentHidden, T + 3)).says(about_comment(ev.CommentEdited, T + 2))
    assert world.of()["comment.hidden"] == 1
    world.says(about_comment(ev.CommentRemoved, T + 3))
    assert world.of()["comment.removed"] == 1
    assert "comment.hidden" not in world.of()


def test_followers_are_those_at_post_time(world: World) -> None:
    assert world.of()["followers.unknown"] == 1

    def audience(at: int, followers: int) -> ev.Fact:
        return ev.AudienceObserved(platform="youtube", account="UC-anna", observed_at=at, followers=followers)

    world.says(audience(T + 2 * DAY, 300))
    assert (world.of()["followers"], world.of()["followers.known"]) == (300, 1)
    world.says(audience(T + DAY, 200)).says(audience(T + 3 * DAY, 400))
    assert world.of()["followers"] == 200
    world.says(
        audience(T - DAY, 99), audience(T - DAY, 100), audience(T - DAY, 98), observation(T + 1, likes=10, comments=2)
    )
    assert world.of()["followers"] == 100
    assert (world.of()["er.followers.num"], world.of()["er.followers.den"]) == (12, 100)


def test_the_first_hour_share_has_its_own_denominator(world: World) -> None:
    world.says(observation(T + 30 * MINUTE, likes=10), observation(T + 90 * MINUTE, likes=30))
    assert (world.of()["likes.age.3600"], world.of()["likes.age.3600.interpolated"]) == (20, 1)
    assert world.of()["likes.age.3600.of"] == 30
    world.says(observation(T + DAY, likes=50))
    assert world.of()["likes.age.3600.of"] == 50


def test_a_third_observation_at_the_very_end_of_an_interval_is_what_was_reached_by_then(world: World) -> None:
    for minutes, likes in ((31, 1), (40, 2), (60, 3)):
        world.says(observation(T + minutes * MINUTE, likes=likes))
    assert (world.of()["likes.age.3600"], world.of()["likes.age.3600.of"]) == (3, 3)


def test_the_half_life_moves_when_the_count_grows_and_back_when_it_falls(world: World) -> None:
    world.says(observation(T + MINUTE, likes=10))
    assert world.of()["likes.half_life.60"] == 1
    world.says(observation(T + DAY, likes=100))
    assert world.of()["likes.half_life.86400"] == 1
    world.says(observation(T + 2 * DAY, likes=20))
    assert world.of()["likes.half_life.60"] == 1


def test_the_curve_waits_until_it_is_known_when_the_post_was_published() -> None:
    world = (
        World()
        .defines(*SCENE)
        .says(post(published=None), observation(T + HOUR, likes=6), observation(T + DAY, likes=9))
    )
    assert not any(".age." in name for name in world.of())
    world.says(post())
    assert world.of()["likes.age.3600"] == 6
    assert world.of()["likes.half_life.3600"] == 1


def test_a_change_is_in_the_series_of_its_minute_and_hour(world: World) -> None:
    world.says(observation(T + MINUTE, likes=3), observation(T + 2 * MINUTE, likes=1), observation(T + HOUR, likes=2))
    minute, hour = T // MINUTE, T // HOUR
    assert world.minutes[Scope("spring")] == {
        f"likes@{minute + 1}": 3,
        f"likes@{minute + 2}": -2,
        f"likes@{minute + 60}": 1,
    }
    assert world.hours[Scope("spring", "anna")] == {f"likes@{hour}": 1, f"likes@{hour + 1}": 1}
    assert Scope("spring", "anna") not in world.minutes


def test_a_definition_that_holds_another_is_refused(world: World) -> None:
    world.says(
        ev.DefinitionChanged(
            platform="direct", observed_at=T, kind="campaign", id="spring", version=99, definition=ANNA
        )
    )
    assert "campaign:spring holds creator:anna" in world.refused[0]
    assert world.of()["posts"] == 1


def test_an_older_version_of_a_definition_is_ignored(world: World) -> None:
    world.says(ev.DefinitionChanged(platform="direct", observed_at=T, kind="campaign", id="spring", version=1))
    assert world.of()["posts"] == 1

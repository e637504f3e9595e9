"""The book: what applying changes, what deleting would break, what a partition lacks."""

from __future__ import annotations

import pytest

from tracker.codec import events as codec
from tracker.definitions import book
from tracker.definitions.references import Key
from tracker.domain.definitions import Agreement, Campaign, Creator, Definition
from tracker.domain.events import DefinitionChanged

SPRING = Campaign(id="spring", name="Spring", starts_at=0, ends_at=10)
HANA = Creator(id="hana", name="Hana (synthetic)")
AGREED = Agreement(id="spring-hana", campaign="spring", creator="hana")


def booked(*definitions: Definition) -> dict[Key, DefinitionChanged]:
    keys = [book.plan({}, [definition])[0].key for definition in definitions]
    return {
        key: book.changed(key, definition, at=1, version=n + 1)
        for n, (key, definition) in enumerate(zip(keys, definitions, strict=True))
    }


def test_applying_twice_changes_nothing_the_second_time() -> None:
    assert [step.action for step in book.plan({}, [SPRING])] == ["create"]
    assert [step.action for step in book.plan(booked(SPRING), [SPRING])] == ["same"]


def test_an_update_names_the_fields_that_change() -> None:
    longer = Campaign(id="spring", name="Spring", starts_at=0, ends_at=20)
    (step,) = book.plan(booked(SPRING), [longer])
    assert step.action == "update"
    assert step.fields == {"ends_at": (10, 20)}


def test_what_others_name_is_not_deleted_alone() -> None:
    everything = booked(SPRING, HANA, AGREED)
    with pytest.raises(book.StillNeeded) as caught:
        book.plan_deletion(everything, [("campaign", "spring")])
    assert caught.value.needed_by == (("agreement", "spring-hana"),)
    steps = book.plan_deletion(everything, [("agreement", "spring-hana"), ("campaign", "spring")])
    assert [step.action for step in steps] == ["delete", "delete"]


def test_deleting_what_is_not_there_suggests_what_is() -> None:
    with pytest.raises(book.NoSuchDefinition, match="did you mean `spring`"):
        book.plan_deletion(booked(SPRING), [("campaign", "sprng")])


def test_a_registry_record_has_the_version_of_its_offset() -> None:
    value = codec.checked(book.event(book.changed(("campaign", "spring"), SPRING, at=5)))
    assert book.entry(value, 41).version == 42


def test_a_partition_lacks_what_it_does_not_know_or_knows_older() -> None:
    everything = booked(SPRING, HANA, AGREED)
    known: dict[Key, int] = {("campaign", "spring"): 1, ("creator", "hana"): 1}
    assert [change.id for change in book.missing(everything, known)] == ["hana", "spring-hana"]
    assert book.missing(everything, {key: change.version for key, change in everything.items()}) == []

"""The example on the page about writing notifiers works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.notify.told import a_notice, a_notifier
from tracker.plugin.notifiers import Answer, Delivered, Later, Never, Notifier, Unfit

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-a-notifier.md"


@pytest.fixture
def bell() -> Notifier:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    (notifier,) = made["tracker_notifiers"]()
    found: Notifier = notifier
    return found


def test_the_example_sends_and_reads_answers(bell: Notifier) -> None:
    made: Any = bell.send(a_notice(), a_notifier(), ("token",), 1)
    assert made.body == b"warning, firing: 3 of 10 likes"
    assert made.headers == {"authorization": "Bearer token", "idempotency-key": a_notice().id}
    assert [bell.meaning(Answer(status=status)) for status in (204, 404, 503)] == [
        Delivered(),
        Never("answered 404"),
        Later("answered 503"),
    ]
    with pytest.raises(Unfit, match="secret"):
        bell.check(a_notifier(), ())

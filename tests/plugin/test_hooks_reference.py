from __future__ import annotations

import inspect
from pathlib import Path

from tracker.plugin import PlatformAdapter, hookspecs
from tracker.plugin.reference import hooks, hooks_page

ROOT = Path(__file__).parents[2]
TESTS = "".join(
    (Path(__file__).parent / f"test_{of}.py").read_text(encoding="utf-8")
    for of in ("manager", "rule_hook", "notifier_hook")
)


def test_the_page_of_hooks_is_the_generated_one() -> None:
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    assert page == hooks_page(), "run: python -m tracker.plugin.reference docs/reference/hooks.md"


def test_every_hook_is_documented_with_an_example_and_has_a_test() -> None:
    found = dict(hooks())
    assert found
    for name, hook in found.items():
        assert "@hookimpl" in (hook.__doc__ or ""), f"{name} has no example"
        assert (hook.__doc__ or "").splitlines()[0].endswith("."), f"{name} does not begin with a sentence"
        assert name in TESTS, f"{name} has no test"


def test_no_function_of_the_hookspecs_lacks_its_mark() -> None:
    public = {name for name, member in vars(hookspecs).items() if name.startswith("tracker_") and callable(member)}
    assert public == {name for name, _ in hooks()}


def test_the_guide_names_everything_that_an_adapter_has() -> None:
    guide = (ROOT / "docs" / "how-to" / "write-a-platform-plugin.md").read_text(encoding="utf-8")
    methods = {name for name, member in vars(PlatformAdapter).items() if inspect.isfunction(member) and name[0] != "_"}
    for name in methods | set(PlatformAdapter.__annotations__):
        assert f"`{name}" in guide, f"{name} is not in the guide"

"""The only place that formats a Redis key.

1. Keys of a partition carry the hash tag `{stage-number}`, totals of a campaign `{c:campaign}`: one slot each.
2. A key is a base (prefix, view, hash tag) and a suffix; scripts get the base and the suffixes, and only join them.
3. What can be formatted can be read back: campaigns and creators are slugs (no colon, no brace).
4. `KINDS` lists every kind of key; docs/reference/redis.md says the same to people, and a test compares the two.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from tracker.store.base import CAMPAIGN_SCOPE, Partition, Scope

DEFAULT_VIEW = "v1"
"""The view in use as long as no pointer says otherwise."""

CURSOR = "cursor"
ORIGINS = "origins"
DEFINITIONS = "definitions"
MARKS = "marks"
SCOPES = "scopes"
PIECES = "pieces"
DAYS = "days"
DUE = "due"
LEASES = "leases"
LEASED = "leased"
TOTALS = "totals"

_SLUG = re.compile(r"[A-Za-z0-9~][A-Za-z0-9_.~-]*")
_VIEW = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PREFIX = re.compile(r"[a-z][a-z0-9_-]*")
_PIPELINE = "~"
_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Kind(Struct, frozen=True):
    """One kind of key: its pattern, and Redis's type of it."""

    pattern: str
    type: str


KINDS = (
    Kind("<prefix>:view", "string"),
    Kind("<prefix>:quota:<platform>", "hash"),
    Kind("<prefix>:held", "hash"),
    Kind("<prefix>:alerted", "set"),
    Kind("<prefix>:alerts:{c:<campaign>}", "hash"),
    Kind("<prefix>:verdicts:{c:<campaign>}", "hash"),
    Kind("<prefix>:notified", "set"),
    Kind("<prefix>:deliveries:{n:<notifier>}", "hash"),
    Kind("<prefix>:events:{n:<notifier>}", "hash"),
    Kind("<prefix>:waiting:{n:<notifier>}", "zset"),
    Kind("<prefix>:finished:{n:<notifier>}", "zset"),
    Kind("<prefix>:told:{n:<notifier>}", "zset"),
    Kind("<prefix>:<view>:{<stage>-<n>}:cursor", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:origins", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:definitions", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:marks", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:scopes", "set"),
    Kind("<prefix>:<view>:{<stage>-<n>}:pieces", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:partial:<scope>", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:minutes:<scope>", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:hours:<scope>", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:fresh:<scope>", "hash"),
    Kind("<prefix>:<view>:{<stage>-<n>}:term:<term>", "set"),
    Kind("<prefix>:<view>:{<stage>-<n>}:seen:<day>", "set"),
    Kind("<prefix>:<view>:{<stage>-<n>}:days", "zset"),
    Kind("<prefix>:<view>:{<stage>-<n>}:due", "zset"),
    Kind("<prefix>:<view>:{<stage>-<n>}:leases", "zset"),
    Kind("<prefix>:<view>:{<stage>-<n>}:leased", "hash"),
    Kind("<prefix>:<view>:{c:<campaign>}:totals", "set"),
    Kind("<prefix>:<view>:{c:<campaign>}:total", "hash"),
    Kind("<prefix>:<view>:{c:<campaign>}:total:<who>", "hash"),
)


class Keys(Struct, frozen=True):
    """The bases of one view's keys. Raises ValueError for a prefix or view that cannot stand in a key."""

    prefix: str
    view: str

    def __post_init__(self) -> None:
        _fits(_PREFIX, "prefix", self.prefix)
        _fits(_VIEW, "view", self.view)

    def of(self, partition: Partition) -> str:
        """Base of a partition's keys, with its hash tag."""
        return f"{self.prefix}:{self.view}:{{{partition.stage}-{partition.number}}}:"

    def of_campaign(self, campaign: str) -> str:
        """Base of a campaign's totals, with its hash tag."""
        return f"{self.prefix}:{self.view}:{{c:{_fits(_SLUG, 'campaign', campaign)}}}:"

    def glob(self) -> str:
        """Matches every key of this view, and none of another."""
        return f"{self.prefix}:{self.view}:{{*"


def pointer(prefix: str) -> str:
    """The key that names the active view."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:view"


def quota(prefix: str, platform: str) -> str:
    """The key that all pollers share to keep a platform's requests a minute."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:quota:{_fits(_PLATFORM, 'platform', platform)}"


def held(prefix: str) -> str:
    """Platforms that may not be asked for a while."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:held"


def alerted(prefix: str) -> str:
    """The names of the campaigns that have alerts or verdicts, as `alerted_name` writes them."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:alerted"


def alerted_name(campaign: str) -> str:
    """A campaign's name among those with alerts; the pipeline's own ("") is `~`."""
    return _fits(_SLUG, "campaign", campaign or _PIPELINE)


def read_alerted(name: str) -> str:
    """The reverse of `alerted_name`."""
    return "" if name == _PIPELINE else name


def alerts(prefix: str, campaign: str) -> str:
    """How a campaign's alerts stand: place (tracker.domain.alerts.place) → rank and alert."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:alerts:{{c:{alerted_name(campaign)}}}"


def verdicts(prefix: str, campaign: str) -> str:
    """What each rule last said of a campaign."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:verdicts:{{c:{alerted_name(campaign)}}}"


def notified(prefix: str) -> str:
    """The ids of the notifiers that ever had something to tell."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:notified"


def of_notifier(prefix: str, notifier: str) -> list[str]:
    """A notifier's keys, in the order in which the scripts have them: deliveries, events, waiting, finished, told.

    `deliveries`: id → how its delivery stands; `events`: id → the event; `waiting`: ids by when they are due next
    (while one is under way: by when it is taken for lost); `finished`: ids by when they ended; `told`: ids of alerts,
    by when they were last queued.
    """
    start, tag = _fits(_PREFIX, "prefix", prefix), f"{{n:{_fits(_SLUG, 'notifier', notifier)}}}"
    return [f"{start}:{what}:{tag}" for what in ("deliveries", "events", "waiting", "finished", "told")]


def cursors(prefix: str) -> str:
    """Matches the cursors of every view."""
    return f"{_fits(_PREFIX, 'prefix', prefix)}:*:{{*}}:{CURSOR}"


def view_of(key: str) -> str:
    """The view that a key belongs to."""
    return key.split(":", 2)[1]


@lru_cache(maxsize=65_536)
def scope_text(scope: Scope) -> str:
    """`campaign`, or `campaign:who`: the end of a scope's keys, and its name in `scopes`."""
    campaign = _fits(_SLUG, "campaign", scope.campaign)
    return campaign if scope.who == CAMPAIGN_SCOPE else f"{campaign}:{_fits(_SLUG, 'creator', scope.who)}"


def read_scope(text: str) -> Scope:
    campaign, _, who = text.partition(":")
    return Scope(campaign, who)


def partial(scope: Scope) -> str:
    return f"partial:{scope_text(scope)}"


def minutes(scope: Scope) -> str:
    return f"minutes:{scope_text(scope)}"


def hours(scope: Scope) -> str:
    return f"hours:{scope_text(scope)}"


def fresh(scope: Scope) -> str:
    return f"fresh:{scope_text(scope)}"


def term(text: str) -> str:
    """An index term's members. The term is the end of the key, so it may hold any character."""
    return f"term:{text}"


def seen(day: int) -> str:
    return f"seen:{day}"


def total(who: str) -> str:
    """A total's key within its campaign, and its name in `totals`."""
    return "total" if who == CAMPAIGN_SCOPE else f"total:{_fits(_SLUG, 'creator', who)}"


def read_total(text: str) -> str:
    """Whom a total is about: the reverse of `total`."""
    return text.partition(":")[2]


def _fits(pattern: re.Pattern[str], what: str, text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{what} {text!r} cannot be part of a Redis key: it must match {pattern.pattern}")
    return text

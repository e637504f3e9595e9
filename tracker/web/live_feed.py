"""What the live stream tells, and in which order: a clock of changes, and what each campaign has told since when.

1. Everything that changes gets the next number (`seq`). A reader is nothing but the number up to which it was told:
   what it lacks follows from that alone, so a slow reader costs no more memory than a fast one.
2. Campaigns are levels: a reader that missed ten changes is told the numbers as they stand now, once. Alerts are
   events: each is told, in order, as long as the ring holds it.
3. What can no longer be told is said to be lost, never left out: a reader is either up to date or knows that it is not.
4. What is told to many is encoded once.

Laws 1 to 3 are properties in tests/web/test_live_feed.py.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct, field

from tracker.codec.alerts import event_of
from tracker.domain.alerts import Alert, place
from tracker.domain.events import Instant
from tracker.web.live_events import (
    KINDS,
    Away,
    CampaignTold,
    Hello,
    Kind,
    LostReason,
    NumberKey,
    ScopeNow,
    ScopeTold,
    Stale,
    encode,
    frame,
    lost,
)

RING_ALERTS = 2_000
RING_BYTES = 16 * 1024 * 1024
VERSIONS = 64
"""So many of a campaign's latest versions have patches of their own; a reader from before them gets the whole."""
RETRY_MS = 2_000
"""How long a client waits before it comes back (the `retry` of the SSE standard)."""

_ID = re.compile(r"([0-9a-z]{1,32})-([0-9]{1,15})-([0-9a-f]{8})")


class Wants(Struct, frozen=True, kw_only=True):
    """What a reader may and wants to be told. `campaigns` None: all, and the pipeline's alerts."""

    campaigns: frozenset[str] | None = None
    kinds: frozenset[Kind] = KINDS

    def sees(self, campaign: str) -> bool:
        return self.campaigns is None or campaign in self.campaigns

    @property
    def mark(self) -> str:
        """Tells one question from another: an id that was given for one says nothing of what another lacks."""
        return _mark(self)


class Delivery(Struct, frozen=True):
    """Bytes for a reader; once it has them it was told everything up to `cursor`. None: there is nothing to say."""

    data: bytes | None
    cursor: int


@lru_cache(maxsize=10_000)
def _mark(wants: Wants) -> str:
    said = repr((None if wants.campaigns is None else sorted(wants.campaigns), sorted(wants.kinds)))
    return hashlib.blake2b(said.encode(), digest_size=4).hexdigest()


class _Scope(Struct):
    """A scope as it was last told. `whole`: whoever knows less than this version gets it whole."""

    now: ScopeNow
    whole: int
    changed: int
    numbers: dict[NumberKey, int]


class _Campaign(Struct):
    """`patches`: version it is based on (0: none) → the frame, for the newest version alone."""

    versions: deque[int]
    scopes: dict[str, _Scope]
    patches: dict[int, bytes] = field(default_factory=dict)


class _Ringed(Struct, frozen=True):
    seq: int
    alert: Alert
    frame: bytes


class Feed:
    """All that one process tells. `epoch` tells it apart from every other one. Pure: time is in what it is given."""

    def __init__(
        self, epoch: str, *, heartbeat_seconds: float = 15.0, alerts: int = RING_ALERTS, size: int = RING_BYTES
    ) -> None:
        self.epoch = epoch
        self.seq = 0
        self._heartbeat = heartbeat_seconds
        self._campaigns: dict[str, _Campaign] = {}
        """In the order of their last change."""
        self._ring: deque[_Ringed] = deque()
        self._alerts, self._size, self._ringed = alerts, size, 0
        self._forgotten = 0
        """The latest alert that fell out of the ring."""
        self._away: dict[str, Instant] = {}
        self._away_changed = 0
        self._told: dict[tuple[Wants, int], Delivery] = {}

    def __contains__(self, campaign: str) -> bool:
        return campaign in self._campaigns

    def put_campaign(self, campaign: str, scopes: Mapping[str, ScopeNow]) -> bool:
        """A campaign's numbers as they stand. Whether anything changed."""
        known = self._campaigns.get(campaign)
        version = self.seq + 1
        if known is None:
            known = _Campaign(deque(maxlen=VERSIONS), {})
            changed = True
        else:
            changed = False
        for who in {*known.scopes, *scopes}:
            changed |= _renewed(known.scopes, who, scopes.get(who), version)
        if changed:
            self._next()
            known.versions.append(version)
            known.patches.clear()
            self._campaigns.pop(campaign, None)
            self._campaigns[campaign] = known
        return changed

    def forget(self, campaign: str) -> None:
        """Nobody watches a campaign any more; whoever does again is told the whole of it."""
        self._campaigns.pop(campaign, None)

    def put_alert(self, alert: Alert) -> None:
        """A change of an alert."""
        self._next()
        kept = _Ringed(self.seq, alert, frame("alert", encode(event_of(alert))))
        self._ring.append(kept)
        self._ringed += len(kept.frame)
        while len(self._ring) > self._alerts or self._ringed > self._size:
            oldest = self._ring.popleft()
            self._ringed -= len(oldest.frame)
            self._forgotten = oldest.seq

    def put_away(self, part: str, since: Instant | None) -> bool:
        """A part does not answer since then; None: it does (again). Whether that is news."""
        if since is None and part in self._away:
            del self._away[part]
        elif since is not None and part not in self._away:
            self._away[part] = since
        else:
            return False
        self._next()
        self._away_changed = self.seq
        return True

    def begin(self, wants: Wants, resume: str | None, standing: Iterable[Alert]) -> Delivery:
        """What a reader is told at first. `resume`: the last id it saw; `standing`: alerts that are open."""
        reason: LostReason | None = None
        if resume is not None:
            found = _ID.fullmatch(resume)
            cursor = int(found[2]) if found else 0
            if found is None or (found[1] == self.epoch and cursor > self.seq):
                reason = "bad_id"
            elif found[1] != self.epoch:
                reason = "another_process"
            elif found[3] != wants.mark:
                reason = "another_question"
            elif (told := self.since(cursor, wants)) is None:
                reason = "forgotten"
            else:
                return Delivery(self._joined(wants, [self._hello(wants, resumed=True)], told.data), told.cursor)
        frames = [lost(reason)] if reason is not None else []
        frames.append(self._hello(wants, resumed=False))
        if self._away:
            frames.append(self._stale())
        if "alert" in wants.kinds:
            frames += [frame("alert", encode(event_of(alert))) for alert in self._open(wants, standing)]
        if "campaign" in wants.kinds:
            frames += [self._patch(name, 0) for name in self._campaigns if wants.sees(name)]
        return Delivery(self._joined(wants, frames), self.seq)

    def since(self, cursor: int, wants: Wants) -> Delivery | None:
        """What a reader lacks that was told everything up to `cursor`. None: some of it can no longer be told."""
        if cursor < self._forgotten and "alert" in wants.kinds:
            return None
        known = self._told.get((wants, cursor))
        if known is None:
            frames = self._frames(cursor, wants)
            known = self._told[wants, cursor] = Delivery(self._joined(wants, frames) if frames else None, self.seq)
        return known

    def _frames(self, cursor: int, wants: Wants) -> list[bytes]:
        found: list[tuple[int, bytes]] = []
        if self._away_changed > cursor:
            found.append((self._away_changed, self._stale()))
        if "alert" in wants.kinds:
            for kept in reversed(self._ring):
                if kept.seq <= cursor:
                    break
                if wants.sees(kept.alert.campaign):
                    found.append((kept.seq, kept.frame))
        if "campaign" in wants.kinds:
            found += self._changed(cursor, wants)
        return [each for _, each in sorted(found, key=lambda each: each[0])]

    def _changed(self, cursor: int, wants: Wants) -> Iterable[tuple[int, bytes]]:
        for name in reversed(self._campaigns):
            version = self._campaigns[name].versions[-1]
            if version <= cursor:
                return
            if wants.sees(name):
                yield version, self._patch(name, cursor)

    def _patch(self, name: str, cursor: int) -> bytes:
        """The frame for a reader that was told everything up to `cursor`: against the last version that it has."""
        known = self._campaigns[name]
        at = bisect_right(known.versions, cursor)
        since = known.versions[at - 1] if at else 0
        if since not in known.patches:
            told = CampaignTold(
                campaign=name,
                version=known.versions[-1],
                since=since or None,
                scopes=tuple(_scopes_told(known.scopes, since)),
            )
            known.patches[since] = frame("campaign", encode(told))
        return known.patches[since]

    def _open(self, wants: Wants, standing: Iterable[Alert]) -> Sequence[Alert]:
        """The open alerts: those that stand, or what the ring says later of them."""
        latest = {place(alert): alert for alert in standing}
        for kept in self._ring:
            where = place(kept.alert)
            if where not in latest or _rank(latest[where]) < _rank(kept.alert):
                latest[where] = kept.alert
        wanted = [
            one for one in latest.values() if one.state not in ("resolved", "pending") and wants.sees(one.campaign)
        ]
        return sorted(wanted, key=lambda one: (one.at, one.id))

    def _hello(self, wants: Wants, *, resumed: bool) -> bytes:
        said = Hello(
            epoch=self.epoch,
            resumed=resumed,
            kinds=tuple(sorted(wants.kinds)),
            campaigns=None if wants.campaigns is None else tuple(sorted(wants.campaigns)),
            heartbeat_seconds=self._heartbeat,
        )
        return b"retry: %d\n%b" % (RETRY_MS, frame("hello", encode(said)))

    def _stale(self) -> bytes:
        away = tuple(Away(part=part, since=since) for part, since in sorted(self._away.items()))
        return frame("stale", encode(Stale(away=away)))

    def _joined(self, wants: Wants, frames: Sequence[bytes], after: bytes | None = None) -> bytes:
        """The last frame alone carries the id of all this: who is cut off before it is told all of it again."""
        if after is not None:
            return b"".join((*frames, after))
        id = f"id: {self.epoch}-{self.seq}-{wants.mark}\n"
        return b"".join((*frames[:-1], id.encode(), frames[-1]))

    def _next(self) -> None:
        self.seq += 1
        self._told.clear()


def _renewed(scopes: dict[str, _Scope], who: str, now: ScopeNow | None, version: int) -> bool:
    """Take in how a scope stands (None: it is gone). Whether it changed."""
    known = scopes.get(who)
    if now is None:
        now = ScopeNow(sources=(), at=None, numbers={})
    if known is None:
        scopes[who] = _Scope(now, version, version, dict.fromkeys(now.numbers, version))
        return True
    if known.now == now:
        return False
    before = known.now.numbers
    if not before.keys() <= now.numbers.keys():
        known.whole = version
    known.numbers = {
        key: known.numbers[key] if before.get(key) == number else version for key, number in now.numbers.items()
    }
    known.now, known.changed = now, version
    return True


def _scopes_told(scopes: Mapping[str, _Scope], since: int) -> Iterable[ScopeTold]:
    """What changed after a version; 0: all there is."""
    for who, scope in sorted(scopes.items()):
        whole = since < scope.whole
        gone = not scope.now.numbers
        if scope.changed <= since or (gone and since == 0):
            continue
        yield ScopeTold(
            who=who,
            whole=whole,
            sources=scope.now.sources,
            at=scope.now.at,
            numbers=tuple(number for key, number in scope.now.numbers.items() if whole or scope.numbers[key] > since),
        )


def _rank(alert: Alert) -> tuple[int, int]:
    return alert.episode, alert.serial

"""Run by test_outside.py in a process of its own: a signed webhook of Pebble becomes counters, in memory."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys

from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition
from tracker.domain.events import DefinitionChanged, wrap
from tracker.domain.fold import Folded, Located, PartitionState, fold
from tracker.plugin import RawPayload, Secrets
from tracker.plugin.manager import load_plugins

THROWN_S = 1_780_000_000
NOW = (THROWN_S + 600) * 1000

registry = load_plugins()
adapter = registry.platforms["pebble"]

body = json.dumps(
    {"thrower": 9_007_199_254_740_993, "pebble": "p1", "thrown_at": THROWN_S, "seen_at": THROWN_S + 60, "skims": 7,
     "words": "a flat one #spring"}
).encode()  # fmt: skip
headers = {"x-pebble-signature": hmac.new(b"synthetic", body, hashlib.sha256).hexdigest()}
verdict = adapter.verify(headers, body, Secrets(signing=("synthetic",)), NOW)

definitions: list[Definition] = [
    Campaign(id="spring", name="Spring", starts_at=NOW - 86_400_000, ends_at=NOW + 86_400_000),
    Creator(id="thrower", name="Thrower", accounts=(AccountRef(platform="pebble", account="9007199254740993"),)),
    Agreement(id="deal", campaign="spring", creator="thrower", hashtags=("spring",)),
]
facts = [
    *(
        DefinitionChanged(
            platform="direct",
            observed_at=NOW,
            kind=type(definition).__struct_config__.tag,  # type: ignore[arg-type]
            id=definition.id,
            version=1,
            definition=definition,
        )
        for definition in definitions
    ),
    *adapter.parse(RawPayload(platform="pebble", source="webhook", name="main", received_at=NOW, body=body)),
]
events = [Located(offset, wrap(fact, id=str(offset), source="webhook")) for offset, fact in enumerate(facts)]

partition = PartitionState(stage="activity")
folded = fold(partition, events)
while not isinstance(folded, Folded):  # nothing is stored yet: whatever it asks for does not exist
    partition.learn(folded, {}, {}, ())
    folded = fold(partition, events)

json.dump(
    {
        "plugins": {plugin.name: f"{plugin.distribution} {plugin.version}" for plugin in registry.plugins},
        "verified": verdict.ok,
        "refused": [refusal.reason for refusal in folded.refused],
        "counters": {f"{scope.campaign}/{scope.who}": counters for scope, counters in folded.increments.items()},
    },
    sys.stdout,
)

"""A whole installation under load and a fault, and the proof that it counted exactly.

`play(installation, load, topology, fault)` starts real processes, produces a seeded stream, lets the fault strike while
it flows, waits until everything is counted and audits: the store against a recount of the log, and against what the
load knows that it said.
"""

from tests.integration.harness.installation import Installation, NotDrained
from tests.integration.harness.load import Load
from tests.integration.harness.play import Fault, Outcome, Scene, Topology, play
from tests.integration.harness.workers import Supervisor, WorkerGaveUp

__all__ = [
    "Fault",
    "Installation",
    "Load",
    "NotDrained",
    "Outcome",
    "Scene",
    "Supervisor",
    "Topology",
    "WorkerGaveUp",
    "play",
]

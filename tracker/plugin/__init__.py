"""What a plugin may import: an adapter's types (api), a rule's (rules), the hooks (hookspecs), what adapters share.

`reading`: strict JSON and times. `signing`: HMAC in constant time. `limits`: Retry-After. `testing`: the contract suite
that an adapter's author inherits (needs pytest and hypothesis).
"""

from tracker.plugin.api import (
    Access,
    DueItem,
    Handshake,
    Headers,
    HttpRequest,
    Kind,
    PlatformAdapter,
    Quota,
    RawPayload,
    Secrets,
    Unreadable,
    Verified,
)
from tracker.plugin.hookspecs import hookimpl
from tracker.plugin.rules import (
    CampaignFacts,
    CampaignRule,
    Evidence,
    PipelineFacts,
    PipelineRule,
    PostFacts,
    Rule,
    RuleSettings,
    Subject,
    Timing,
    Verdict,
)

__all__ = [
    "Access",
    "CampaignFacts",
    "CampaignRule",
    "DueItem",
    "Evidence",
    "Handshake",
    "Headers",
    "HttpRequest",
    "Kind",
    "PipelineFacts",
    "PipelineRule",
    "PlatformAdapter",
    "PostFacts",
    "Quota",
    "RawPayload",
    "Rule",
    "RuleSettings",
    "Secrets",
    "Subject",
    "Timing",
    "Unreadable",
    "Verdict",
    "Verified",
    "hookimpl",
]

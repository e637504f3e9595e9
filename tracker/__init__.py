"""Live, exact counters for influencer campaigns, fed by the platforms' own webhooks and APIs."""

__version__ = "0.1.0"

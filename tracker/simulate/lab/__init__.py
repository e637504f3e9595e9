"""The laboratory: campaigns whose truth is known, and what a poller would have seen of them by any instant.

It exists to measure alert rules (tests/rules): how many disturbances they find, and how often they cry for nothing.

1. A world follows from its seed alone; what was seen of it by an instant follows from the world and the instant alone.
2. It models how audiences, creators, shops and pollers behave, from published sources
   (docs/explanation/simulated-campaigns.md). It knows no rule, and no rule's settings.
3. A disturbance says what is wrong, with whom, and from when until when an alert about it is right.
4. Everybody and everything named here is invented.
"""

"""The servers of a laptop: a Kafka-compatible broker in memory, a real Redis, and the processes around them.

Nothing here is meant for production: the broker keeps nothing on disk. This package imports nothing of the tracker.
"""

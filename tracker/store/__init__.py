"""Where positions and counters live: one atomic write a batch, or none."""

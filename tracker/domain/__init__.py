"""The pure core: what happened, what it means, what it counts for. No I/O, no clock."""

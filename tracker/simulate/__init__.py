"""A campaign with known truth that enters through the real door: the demo, and the tests that need a platform."""

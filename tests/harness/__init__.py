"""What integration tests stand on: real servers on loopback that end with the tests."""

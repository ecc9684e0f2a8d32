"""Tables of numbers, and counters that go on from run to run."""

"""Usage: who had how much, for how long."""

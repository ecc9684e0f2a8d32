"""The collector contract, and the lists that collectors subscribe to."""

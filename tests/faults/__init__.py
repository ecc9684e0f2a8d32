"""Faults of every component: what each of them costs, and what it does not."""

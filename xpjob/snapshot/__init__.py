"""The snapshot: all records of one run with the run's own facts, and where it is kept."""

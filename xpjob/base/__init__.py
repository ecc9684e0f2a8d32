"""What every package builds on; it knows nothing of xpjob."""

"""xpjob: one batch job that tells what a Crossplane platform holds."""

__version__ = "0.1.0"

"""xpjob: a batch job that reports on Kubernetes clusters."""

__version__ = "0.2.0"

"""The sources collector: counts whatever users describe, over any kind."""

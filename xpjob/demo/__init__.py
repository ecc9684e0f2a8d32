"""A sample platform, served by a stand-in Kubernetes API on loopback.

Used by ``xpjob demo`` and as a fixture for tests. The job does not depend on it.
"""

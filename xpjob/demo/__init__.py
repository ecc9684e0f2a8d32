"""A sample platform, served over a stand-in Kubernetes API on loopback.

The embedded default of ``xpjob demo``, and a fixture for tests. The job does not know of it.
"""

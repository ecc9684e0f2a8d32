"""Registries of container images: which answer, with which credentials, and for how long yet."""

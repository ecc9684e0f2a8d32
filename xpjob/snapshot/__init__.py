"""Snapshots: the records and metadata of one run, as stored documents."""

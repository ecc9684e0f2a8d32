"""The reader: serves the newest snapshot of each cluster as JSON, CSV, metrics and a page."""

"""Deployment records at GitHub: the difference between what runs and what was acknowledged."""

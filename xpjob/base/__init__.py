"""Basics that every package uses; imports nothing else of xpjob."""

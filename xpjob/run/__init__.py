"""A run of the job."""

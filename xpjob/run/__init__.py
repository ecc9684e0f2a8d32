"""One run of the job."""

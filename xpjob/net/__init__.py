"""HTTP, deadlines, threads and retries."""

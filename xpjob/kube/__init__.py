"""Read-only access to the Kubernetes API: connect, discover, list."""

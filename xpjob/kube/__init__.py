"""The Kubernetes API, read-only: connect, discover, list. Nothing of Crossplane in here."""

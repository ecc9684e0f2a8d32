"""What the reader serves of Crossplane beyond its tables."""

"""What a collector is, and the lists that it reads."""

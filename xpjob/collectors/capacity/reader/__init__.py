"""What the capacity collector adds to the reader."""

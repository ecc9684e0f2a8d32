"""Document stores: S3 or a directory."""

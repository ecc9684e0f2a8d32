"""Where documents are kept: S3 or a directory."""

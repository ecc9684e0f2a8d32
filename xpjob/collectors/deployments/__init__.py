"""Which image runs where, since when; and the records of it that GitHub keeps."""

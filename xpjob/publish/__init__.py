"""Publishers of metric families: Pushgateways and text files."""

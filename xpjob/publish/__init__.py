"""Publishers: where metric families go."""

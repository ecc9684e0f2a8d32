"""Options: how they are declared, parsed and loaded."""

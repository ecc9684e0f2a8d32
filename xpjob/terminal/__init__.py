"""Terminal output: logs, progress, tables; and the end of the process."""

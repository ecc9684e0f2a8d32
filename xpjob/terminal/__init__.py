"""What people see: logs, progress, tables, and how the process ends."""

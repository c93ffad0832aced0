"""What every task needs, and nothing that knows a task."""

"""What the stages share: being safe to kill, spreading the work over processes, and the report."""

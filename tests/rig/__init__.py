"""A hub and agents as child processes, for the demo and the end-to-end tests. Standard library only."""

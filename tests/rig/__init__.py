"""A hub and agents as child processes, for the demo and the tests. Standard library only."""

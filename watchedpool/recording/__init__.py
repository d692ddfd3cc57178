"""What really happened. Empty but for this line: workers import it."""

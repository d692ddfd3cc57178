"""What really happened. Empty but for this line: workers unpickle through this door."""

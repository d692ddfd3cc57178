"""What only the lessons need. Empty but for this line: workers import `helpers.workers`."""

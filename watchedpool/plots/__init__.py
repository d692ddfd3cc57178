"""Draw a Timeline: as still pictures (matplotlib), and as one that plays (SVG)."""

"""Other programs, run within limits, and the little programs the lessons run."""

from helpers.commands.run import (
    TooMuchOutput,
    end_family,
    has_ended,
    run_command,
    start,
    stream_lines,
)

__all__ = ["TooMuchOutput", "end_family", "has_ended", "run_command", "start", "stream_lines"]

"""Run other programs within limits; also the small programs that the lessons run."""

from helpers.commands.run import (
    OutputLimitError,
    has_ended,
    kill_process_tree,
    run_command,
    start,
    stream_lines,
)

__all__ = [
    "OutputLimitError",
    "has_ended",
    "kill_process_tree",
    "run_command",
    "start",
    "stream_lines",
]

"""Controls for predictions and runs: move one, and see."""

from helpers.widgets.explore import explore_chunks, explore_schedule, race_bars

__all__ = ["explore_chunks", "explore_schedule", "race_bars"]

"""Panels of controls for predictions and runs: move a control, and the picture changes."""

from helpers.controls.explore import explore_chunks, explore_schedule, race_bars

__all__ = ["explore_chunks", "explore_schedule", "race_bars"]

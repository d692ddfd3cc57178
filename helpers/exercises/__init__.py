"""Exercises that check themselves, and guesses. A module a lesson holds its exercises."""

from helpers.exercises.guessing import guess

__all__ = ["guess"]

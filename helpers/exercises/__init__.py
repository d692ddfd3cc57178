"""Exercises that check themselves, one module per lesson, and guesses."""

from helpers.exercises.guessing import guess

__all__ = ["guess"]

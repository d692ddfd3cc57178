"""The clock of every record: seconds that all processes of one machine share.

Tests put a clock of their own in the place of `now`.
"""

from time import perf_counter

now = perf_counter

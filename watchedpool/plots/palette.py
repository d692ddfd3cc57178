"""The colours of every picture: still ones (matplotlib), replays, and the drawings of the lessons.

All pictures are transparent, so each colour is readable on white and on the dark grounds of
JupyterLab and GitHub: the contrast of text is at least 4.5 with white and 4 with #0d1117, and that
of shapes at least 3. Blue, orange and grey stay distinct for colour-blind readers. The lessons call
the colours by the names of the first three.
"""

BLUE = "#007bc1"
ORANGE = "#c35400"
GREY = "#6f777e"

BLOCK = BLUE
NEXT_BLOCK = "#0066a1"  # every other task of a lane, so that neighbours stay distinct
UNENDED = GREY  # a task without an end, with stripes
STRIPES = "#b4bac0"
ON_BLOCK = "#ffffff"  # text on any of these
STARTUP = "#8d949a"
ON_STARTUP = "#0d1117"

FINISHED = BLUE
DELIVERED = ORANGE  # also a task that waits for its delivery
ON_DELIVERED = "#ffffff"
TEXT = GREY

# The ground shows through these, from 00 (clear) to ff:
LAG = ORANGE + "4d"  # between finished and delivered
BOUNDS = GREY + "40"
IDLE = GREY + "80"  # the lane of a worker without tasks
GRID = GREY + "30"

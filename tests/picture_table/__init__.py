"""Pictures of every kind that the readers must get right, each with the array that it was written from.

``pictures()`` lists ``Picture`` rows, ``PARTS`` makes them part by part. The reference is never another reader's
result: it is the array before it was written, or arithmetic on it that the row names. ``levels`` is how far a pixel may
lie from it: 0 but for lossy formats and colour arithmetic. Where no file declares what its numbers mean the row has a
``sentence`` in place of an array.
"""

from .formats import lossy, small_formats, turned
from .pngs import pngs
from .profiles import profiled
from .tiffs import tiffs

PARTS = {
    "PNG": pngs,
    "TIFF": tiffs,
    "lossy": lossy,
    "small formats": small_formats,
    "turned": turned,
    "profiles": profiled,
}


def pictures():
    """All rows."""
    return [row for part in PARTS.values() for row in part()]

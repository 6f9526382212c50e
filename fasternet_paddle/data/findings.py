"""What the checks of a folder found: said in a few lines, kept with the run, drawn in its report.

print("\n".join(data.checked.lines()))
Checked.from_dict(json.loads(json.dumps(data.checked.as_dict())), "checks.json")
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..files.lists import PARTS, printable

SHOWN = 5  # examples of each finding


@dataclass(frozen=True)
class Checked:
    """What was found; ``lines`` says it, and a report may draw it."""

    class_names: tuple[str, ...]
    counts: np.ndarray
    """Images of each part and class, int64 ``(3, K)``: train, val, test."""
    empty: tuple[str, ...] = ()
    """Names of classes without images, which are left out."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """(path, reason) of files that are left out."""
    strangers: tuple[str, ...] = ()
    """Paths of files that are no images or lie in no class's folder."""
    leaks: tuple[tuple[str, str], ...] = ()
    """(training path, other path): a validation or test image whose picture is among the training images, too."""
    conflicts: tuple[tuple[str, str], ...] = ()
    """Paths of two equal pictures with different labels."""
    repeats: tuple[tuple[str, str], ...] = ()
    """Paths of two equal pictures, the second being neither of the above."""
    remarks: tuple[str, ...] = ()
    decoded: bool = False
    """Whether the files were decoded; else leaks and conflicts are not known."""

    def lines(self):
        """Counts and findings as a few lines of text, with at most ``SHOWN`` examples each."""
        totals = self.counts.sum(axis=1)
        parts = ", ".join(f"{total:,} {part}" for part, total in zip(PARTS, totals, strict=True))
        train = self.counts[0]
        low, high = int(train.argmin()), int(train.argmax())
        lines = [
            f"{len(self.class_names):,} classes; images: {parts}",
            f"every class has {train[low]:,} training images"
            if train[low] == train[high]
            else f"largest class {self.class_names[high]!r} with {train[high]:,} training images, smallest "
            f"{self.class_names[low]!r} with {train[low]:,} (1 to {train[high] / max(train[low], 1):.1f})",
        ]
        unseen = [name for name, count in zip(self.class_names, self.counts[1], strict=True) if not count]
        singles = [name for name, count in zip(self.class_names, train, strict=True) if count == 1]
        lines += _some("classes without images, left out", self.empty, repr)
        lines += _some("classes with one training image", singles, repr)
        lines += _some("classes without a validation image", unseen, repr)
        return lines + self.findings()

    def findings(self):
        """What was found in single files, as such lines; none where nothing was."""
        lines = _some("files that cannot be read, left out", self.unreadable, ": ".join, each=True)
        lines += _some("files that are no images of a class, not used", self.strangers, str)
        lines += _some("pictures in val or test that are in train, too", self.leaks, " = ".join, each=True)
        lines += _some("equal pictures with different labels", self.conflicts, " = ".join, each=True)
        lines += _some("pictures that come more than once", self.repeats, " = ".join, each=True)
        lines += [printable(remark) for remark in self.remarks]
        if not self.decoded:
            lines.append("the images were not checked for damage and duplicates")
        return lines

    def as_dict(self):
        """The findings as plain values, for JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"counts": self.counts.tolist(), "class_names": list(self.class_names)}

    @classmethod
    def from_dict(cls, values, source):
        """What ``as_dict`` gave, out of a file; ``source`` names it in an error.

        Raises:
            FasterNetError: anything else.
        """
        try:
            names, counts = values["class_names"], np.array(values["counts"], np.int64)
            lists = {name: tuple(values[name]) for name in ("empty", "strangers", "remarks")}
            pairs = {
                name: tuple((first, other) for first, other in values[name])
                for name in ("unreadable", "leaks", "conflicts", "repeats")
            }
            texts = [
                *names,
                *sum(lists.values(), ()),
                *(text for found in pairs.values() for pair in found for text in pair),
            ]
            if (
                counts.shape != (len(PARTS), len(names))
                or not names
                or not all(isinstance(text, str) for text in texts)
            ):
                raise ValueError
            return cls(tuple(names), counts, decoded=values["decoded"] is True, **lists, **pairs)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise FasterNetError(f"{source} holds no findings about a folder of images") from None


def _some(what, items, show, each=False):
    if not items:
        return []
    shown = [printable(show(item)) for item in items[:SHOWN]]
    more = [f"and {len(items) - SHOWN:,} more"] if len(items) > SHOWN else []
    head = f"{what} ({len(items):,})"
    return [f"{head}:", *(f"  {line}" for line in shown + more)] if each else [f"{head}: {', '.join(shown + more)}"]

"""Regular expressions that take time in proportion to the text, whatever the pattern.

Python's ``re`` tries one way after the other: ``(a|a)*b`` takes years for a text of 60 characters,
and nothing can interrupt it. Here all ways are followed at once, character by character, and each
set of places in the pattern that was reached is kept, so that a second text costs one look-up for
each character. Only whether a text matches is known, not where.
"""

from __future__ import annotations

from xpjob.collectors.sources.expressions.limits import Limits
from xpjob.collectors.sources.expressions.pattern_syntax import Part, PatternError, read

_MAX_PLACES = 1000
_MAX_KEPT = 50_000  # places in the sets that are kept, and steps from one set to another


class _Place:
    """A place in a pattern: what may follow, and for which characters or where in the text."""

    __slots__ = ("follows", "kind", "part")

    def __init__(self, kind: str, part: Part | None = None) -> None:
        self.kind = kind
        self.part = part
        self.follows: list[_Place] = []


class _Reached:
    """The places that are reached after some characters."""

    __slots__ = ("after", "decided", "ends", "matched", "places")

    def __init__(self, places: frozenset[_Place], *, matched: bool) -> None:
        self.places = places
        self.matched = matched
        self.decided = matched or not places
        self.after: dict[str, _Reached] = {}
        self.ends: bool | None = None  # whether it is matched if the text ends here, once known


class Pattern:
    """A regular expression, to be looked for anywhere in a text."""

    def __init__(self, text: str) -> None:
        """Read a pattern. Raises ``PatternError``."""
        self.text = text
        self._count = 0
        self._first = self._place("fork")
        self._last = _Place("match")
        self._build(read(text), self._first).follows.append(self._last)
        self._forget()

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def matches(self, text: str, limits: Limits) -> bool:
        """Return whether it matches a part of a text."""
        limits.spend_on_text(len(text))
        reached = self._start
        for character in text:
            if reached.decided:
                return reached.matched
            try:
                reached = reached.after[character]
            except KeyError:
                reached = self._step(reached, character, limits)
        if reached.ends is None:
            # Only a text without characters ends where it starts.
            at_start = reached is self._start
            reached.ends = self._closure(reached.places, at_end=True, at_start=at_start)[1]
        return reached.matched or reached.ends

    def _place(self, kind: str, part: Part | None = None) -> _Place:
        self._counted()
        return _Place(kind, part)

    def _counted(self) -> None:
        self._count += 1
        if self._count > _MAX_PLACES:
            raise PatternError("its repetitions are too many: use * or +, or smaller numbers")

    def _build(self, part: Part, before: _Place) -> _Place:
        """Add the places of a part after a place, and return the last one."""
        if part.kind == "sequence":
            for inner in part.parts:
                before = self._build(inner, before)
            return before
        if part.kind == "either":
            after = self._place("fork")
            for branch in part.parts:
                first = self._place("fork")
                before.follows.append(first)
                self._build(branch, first).follows.append(after)
            return after
        if part.kind == "repeat":
            return self._repeat(part, before)
        place = self._place(part.kind, part)
        before.follows.append(place)
        after = self._place("fork")
        place.follows.append(after)
        return after

    def _repeat(self, part: Part, before: _Place) -> _Place:
        (inner,) = part.parts
        for _ in range(part.fewest):
            self._counted()
            before = self._build(inner, before)
        after = self._place("fork")
        if part.most is None:
            again = self._place("fork")
            before.follows.append(again)
            self._build(inner, again).follows.append(again)
            again.follows.append(after)
            return after
        for _ in range(part.most - part.fewest):
            self._counted()
            before.follows.append(after)
            before = self._build(inner, before)
        before.follows.append(after)
        return after

    def _forget(self) -> None:
        self._kept = 0
        self._known: dict[tuple[frozenset[_Place], bool], _Reached] = {}
        places, matched = self._closure(frozenset([self._first]), at_start=True)
        self._start = _Reached(places, matched=matched)

    def _step(self, reached: _Reached, character: str, limits: Limits) -> _Reached:
        """Return what is reached after one more character, and keep it."""
        limits.spend(1 + self._count // 4)
        if self._kept >= _MAX_KEPT:
            self._forget()
        # The next character may be where a match begins.
        after = [self._first]
        for place in reached.places:
            if place.part and place.part.characters and character in place.part.characters:
                after += place.follows
        places, matched = self._closure(frozenset(after))
        known = self._known.setdefault((places, matched), _Reached(places, matched=matched))
        reached.after[character] = known
        self._kept += 1 + len(places)
        return known

    def _closure(
        self, places: frozenset[_Place], *, at_start: bool = False, at_end: bool = False
    ) -> tuple[frozenset[_Place], bool]:
        """Return the places that wait for a character or the end, and whether all is matched."""
        seen: set[_Place] = set()
        waiting: set[_Place] = set()
        todo = list(places)
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            if place.kind == "match":
                return frozenset(), True
            if place.kind == "characters" or (place.kind == "end" and not at_end):
                waiting.add(place)
            elif place.kind != "start" or at_start:
                todo += place.follows
        return frozenset(waiting), False

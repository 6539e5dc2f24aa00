"""Records of institutions under a place inside a pooling area, as ledgers before the areas wrote them (determination P1).

Claims are looked up by area; what is recorded of an institution under the code of a county in the area is found here.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules.areas import areas_over_time
from rules.screens.facts import Keys


class Places:
    """For every key of an area (`area|code`) the keys of places inside it under which something is recorded."""

    def __init__(self) -> None:
        self._inside: dict[str, tuple[str, ...]] = {}

    def note(self, key: str, *, recorded: bool) -> None:
        """A record has come or gone. That of an area itself is none of a place."""
        region, _, code = key.partition("|")
        for area in areas_over_time(region):
            if area == region:
                continue
            name = f"{area}|{code}"
            known = {*self._inside.get(name, ())} - {key}
            if recorded:
                known.add(key)
            if known:
                self._inside[name] = tuple(sorted(known))
            else:
                self._inside.pop(name, None)

    def inside(self, keys: Keys) -> Iterator[tuple[int, str]]:
        """The places of keys that have any in a list of areas' keys, each with the key of the record."""
        if not self._inside:
            return
        for row, key in enumerate(keys if isinstance(keys, list) else keys.to_list()):
            for place in self._inside.get(key or "", ()):
                yield row, place

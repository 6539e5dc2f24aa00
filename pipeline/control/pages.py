"""The page of one dossier, `/physicians/{region}/{code}`, from what this process has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from pipeline.control.dossier_page import PageFacts, render
from pipeline.control.dossiers import dossier_key, file_of, read_dossier, standing_key
from pipeline.kafka.partitioner import partition_of
from rules.areas import pooling_area
from topics.catalogue import DOSSIERS, PHYSICIAN_STANDING

if TYPE_CHECKING:
    from pipeline.control.plane import Plane

_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"


class _Revision(msgspec.Struct):
    revision: int


def physician_page(plane: Plane | None, path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
    """Status, content type and body. 404 says whether nothing is recorded or which partition another process has."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if len(parts) != 3:
        return 404, _TEXT, b"expected /physicians/REGION/CODE, with ?lang=zh or ?lang=en if you like\n"
    if plane is None or not plane.ready:
        return 503, _TEXT, b"the tables are not complete yet; ask again in a few seconds\n"
    # The dossier is the area's (P1); a place inside it has one only of what its area's law does not know.
    region, code = parts[1:]
    partition = partition_of(code.encode(), plane.event_partitions)
    try:
        kept = plane.store(DOSSIERS.name, partition).get(dossier_key("physician", region, code))
        if kept is None:
            region = pooling_area(region)
            kept = plane.store(DOSSIERS.name, partition).get(dossier_key("physician", region, code))
        published = plane.store(PHYSICIAN_STANDING.name, partition).get(standing_key(region, code))
    except KeyError:
        return 404, _TEXT, f"partition {partition} of the events belongs to another process; ask that one\n".encode()
    if kept is None:
        return 404, _TEXT, f"nothing is recorded of {code} in region {region}\n".encode()
    events, today = read_dossier(kept), plane.today()
    view = plane.ledger.view(events, region, code)
    facts = PageFacts(
        region=region,
        physician_code=code,
        pack=plane.packs.for_region(region, today),
        law=plane.packs.law(region),
        dossier=file_of(events),
        statement=view.statement,
        duties=view.duties,
        today=today,
        revision=None if published is None else msgspec.json.decode(published, type=_Revision).revision,
    )
    return 200, _HTML, render(facts, "en" if query["lang"] == "en" else "zh").encode()

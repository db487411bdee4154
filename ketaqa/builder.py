"""Sources to an index on disk: read what changed, take over what did not.

Useful for: `ketaqa index`. Not useful for: reading an index (index).
"""

from collections.abc import Iterable
from pathlib import Path

from ketaqa import config, embedder, loaders, storage
from ketaqa.building import UNVERSIONED, Building
from ketaqa.errors import BadSetting
from ketaqa.postings import check_weighting
from ketaqa.reading import Progress, Settings
from ketaqa.records import BuildReport

__all__ = ["UNVERSIONED", "build"]

ANALYSER = "english"
WEIGHTING = "bm25"
NO_ENCODER = "none"


def build(
    sources: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    workers: int = 1,
    weighting: str = WEIGHTING,
    passage_length: int = config.PASSAGE_LENGTH,
    encoder: str = "",
    progress: Progress | None = None,
) -> BuildReport:
    """Read files and folders and write the index at `out`; an index that is there is replaced when all is done.

    Where the index there was made by the same code with the same settings files are compared with what it holds, and only those
    that changed are taken apart; the new index is the one that reading all of them would give.
    encoder: the sentence encoder of the passages, by name or folder; the one of `ketaqa[semantic]` where that is installed,
    else "table", the shipped table of word meanings; "none" for counted words alone.
    progress(what, done, all) is called as files are compared with the index there, bytes read, rows of postings written, and
    passages encoded.
    Files that can't be read are listed in the report. BadSource when nothing could be read or two documents share an id;
    BadIndex when `out` can't be written.
    """
    out = Path(out)
    for name, value in (("workers", workers), ("passage_length", passage_length)):
        if value < 1:
            raise BadSetting(f"{name} is {value!r}; give a whole number of at least 1")
    check_weighting(weighting)
    storage.check_place(out)
    reader = embedder.reader(encoder) if encoder != NO_ENCODER else None
    found, refused = loaders.find(sources)
    # scikit-learn's weighting is kept as it is: its norm would count the pairs in full, and it knows no vectors
    plain, made_by = weighting != WEIGHTING, ""
    if not plain and encoder != NO_ENCODER:
        reader, made_by = embedder.maker({source.root for source in found}, reader)
    facts = {"analyser": ANALYSER, "weighting": weighting, "passage_length": passage_length, "encoder": made_by}
    settings = Settings(passage_length, ANALYSER, paired=not plain)
    while True:
        with Building(out, facts, settings, workers, reader, progress) as building:
            building.read(found)
            torn = building.torn()
            if not torn:
                return building.finished(refused)
        # a file is read as a whole or not at all
        found, refused = [s for s in found if s.path not in torn], [*refused, *torn.values()]

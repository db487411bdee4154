"""By which words is a passage found? Its own, its document's title, the headings above it, the questions put to it.

Useful for: everything that must agree on what stands for a passage (the counted words and the vector of its meaning).
Not useful for: what is shown, which is the passage alone.
"""

from collections.abc import Sequence

from ketaqa.analysis import Analyser, pairs
from ketaqa.records import Document, Passage


def texts(document: Document, passage: Passage) -> list[str]:
    """The title, the headings above that the passage does not hold itself, and the passage."""
    title = [] if document.title == document.doc_id else [document.title]
    return [*title, *(h for h in passage.section if h not in passage.text), passage.text]


def terms(document: Document, passage: Passage, asked: Sequence[str], analyser: Analyser, paired: bool = True) -> list[str]:
    """The terms that a passage is indexed by: words, neighbouring words where `paired`, and its heading's words."""
    found: list[str] = []
    for text in [*texts(document, passage), *asked]:
        words = analyser.terms(text)
        found += words + pairs(words) if paired else words
    for question in dict.fromkeys(asked):
        found += analyser.whole(question)
    if document.headings:  # the title heads what stands before the first heading
        title = "" if document.title == document.doc_id else document.title
        found += analyser.heading_terms(passage.section[-1] if passage.section else title)
    return found

"""By which words is a passage found? Its own, its document's title, the headings above it, the questions put to it.

Useful for: everything that must agree on what stands for a passage (the counted words and the vector of its meaning).
Not useful for: what is shown, which is the passage alone.
"""

from collections.abc import Sequence

from ketaqa.analysis import Analyser
from ketaqa.records import Document, Passage


def texts(document: Document, passage: Passage) -> list[str]:
    """The title, the headings above that the passage does not hold itself, and the passage."""
    title = [] if document.title == document.doc_id else [document.title]
    return [*title, *(h for h in passage.section if h not in passage.text), passage.text]


def beside(document: Document, passage: Passage, asked: Sequence[str], analyser: Analyser) -> list[str]:
    """The terms that stand for a passage beside the words of its texts: its heading's words, and each question in full."""
    found = [term for question in dict.fromkeys(asked) for term in analyser.whole(question)]
    if document.headings:  # the title heads what stands before the first heading
        title = "" if document.title == document.doc_id else document.title
        found += analyser.heading_terms(passage.section[-1] if passage.section else title)
    return found

"""An answer as HTML: what comes from a document or a reader is escaped, and the passage's text stays exact."""

from collections.abc import Sequence

from ketaqa.records import Answer, Citation, Correction, Nearest, Notice, Passage, Why, WordReason
from ketaqa.safety import GRAVE
from ketaqa.why import BESIDE, CLOSEST, ROLES, said_ahead


def escape(text: str) -> str:
    """Text as character references, letters, digits and single spaces apart.

    Whatever reads this as HTML shows the same text, and whatever reads it as Markdown first finds nothing to act on: no
    star, dollar, line end or indentation is there.
    """
    pairs = zip(" " + text, text, strict=False)
    return "".join(c if _plain(c) or (c == " " and before != " ") else f"&#{ord(c)};" for before, c in pairs)


def _plain(c: str) -> bool:
    # HTML reads the numbers 128 to 159 as another character set's, so these stand as themselves
    return c.isalnum() or "\x80" <= c <= "\x9f"


def answer(found: Answer, why: Why | None = None, around: Sequence[Passage | None] = ()) -> str:
    """Notices, then the passage with its citation, what stands around it, and why it is shown; or why there is none and what
    comes closest.
    """
    parts = [*(notice(n) for n in found.notices), *([corrections(found.corrections)] if found.corrections else [])]
    if found.context:
        parts.append(f'<p class="kq-read">{escape(f"Read with the question before: “{found.context}”")}</p>')
    if found.passage is None or found.citation is None:
        parts.append(f'<p class="kq-silence">{escape(found.reason or "")}</p>{nearest(found.nearest)}')
    else:
        parts += [passage(found.passage), neighbours(around), citation(found.citation), reasons(why) if why else ""]
    return f'<div class="kq-answer kq-{found.status}">{"".join(parts)}</div>'


def nearest(found: Sequence[Nearest]) -> str:
    """What comes closest where nothing answers: topics, and behind each its passage, unlike an answer."""
    if not found:
        return ""
    items = "".join(unfolded("kq-place", one.topic, one.passage.text) for one in found)
    return f'<div class="kq-nearest"><p>{escape(CLOSEST)}</p>{items}</div>'


def neighbours(around: Sequence[Passage | None]) -> str:
    """What stands before a passage in its section, and after it, behind one click each."""
    labels = zip(("What stands before it", "How it goes on"), around, strict=False)
    return "".join(unfolded("kq-around", label, one.text) for label, one in labels if one)


def unfolded(name: str, label: str, text: str) -> str:
    """A text of the documents that is no answer, behind one click."""
    hidden = f'<div class="kq-near" dir="auto">{escape(text)}</div>'
    return f'<details class="{name}"><summary>{escape(label)}</summary>{hidden}</details>'


def reasons(why: Why) -> str:
    """What each word of the question did for the passage, and what set it before the next, behind one click."""
    cells = [("Word", "", "Points"), *((one.word, _role(one), f"{one.weight:.1f}") for one in why.words)]
    cells += [(BESIDE, "", f"{why.beside:.1f}"), ("Score", "", f"{why.score:.1f}")]
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
    ahead = f"<p>{escape(said_ahead(why, 'the next passage'))}</p>" if why.next_id else ""
    return f'<details class="kq-why"><summary>Why this passage</summary><table>{rows}</table>{ahead}</details>'


def _role(reason: WordReason) -> str:
    return ROLES[reason.role] + (f", read as “{reason.read_as}”" if reason.read_as else "")


def corrections(made: Sequence[Correction]) -> str:
    """Which misspelt words were read as which others."""
    words = ", ".join(f"“{c.typed}” as “{c.meant}”" for c in made)
    return f'<p class="kq-read">{escape(f"Read {words}.")}</p>'


def question(text: str) -> str:
    """What the reader typed."""
    return f'<div class="kq-question" dir="auto">{escape(text)}</div>'


def refusal(message: str) -> str:
    """Why a question was not searched for."""
    return f'<div class="kq-answer kq-refused"><p class="kq-silence">{escape(message[:1].upper() + message[1:])}.</p></div>'


def notice(shown: Notice) -> str:
    """A notice with its links."""
    links = "".join(f"<li>{link(one.text, one.url)}</li>" for one in shown.links)
    role = ' role="alert"' if shown.kind in GRAVE else ""
    lines = f"<ul>{links}</ul>" if links else ""
    return f'<div class="kq-notice kq-{shown.kind}"{role}><p>{escape(shown.text)}</p>{lines}</div>'


def passage(shown: Passage) -> str:
    """The passage's pieces and nothing between them: the element's text is the passage's text."""
    pieces = (f"<mark>{escape(p.text)}</mark>" if p.highlight else f"<span>{escape(p.text)}</span>" for p in shown.pieces)
    return f'<blockquote class="kq-passage" dir="auto">{"".join(pieces)}</blockquote>'


def citation(shown: Citation) -> str:
    """Where the passage stands, and the published sources behind it."""
    title = link(shown.text, shown.url) if shown.url else escape(shown.text)
    name = f'<span class="kq-doc">{escape(f"({shown.doc_id})")}</span>'
    return f'<p class="kq-citation">Source: <cite>{title}</cite> {name}</p>{_references(shown)}'


def _references(shown: Citation) -> str:
    if not shown.references:
        return ""
    items = (f"<li>{escape(r.text)}{'&#32;' + link(r.url, r.url) if r.url else ''}</li>" for r in shown.references)
    number = len(shown.references)
    label = "1 reference" if number == 1 else f"{number} references"
    return f'<details class="kq-references"><summary>{label}</summary><ol>{"".join(items)}</ol></details>'


def link(text: str, url: str) -> str:
    """A link where the address is a web address, a telephone or text number, else the words alone."""
    if not url.startswith(("https://", "http://", "tel:", "sms:")):
        return escape(text)
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(text)}</a>'

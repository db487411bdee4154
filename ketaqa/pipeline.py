"""ask(question, history) -> Answer: the one place that wires the rooms together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ketaqa import answerer, conversation, explaining, safety
from ketaqa.config import Config
from ketaqa.conversation import Message
from ketaqa.errors import BadQuestion, BadSetting
from ketaqa.index import Index
from ketaqa.records import Answer, Correction, Document, Hit, IndexInfo, Notice, Passage, TermWeight
from ketaqa.retriever import QueryTerm
from ketaqa.safety import Care

MAX_K = 100
DEFAULT_K = 4
STALE = "{} changed since this index was built, so its text is not quoted. Build the index again: ketaqa index SOURCE -o INDEX"
NO_HELP = "This is not answered here."
NO_QUESTION = "That asks nothing. Type what you would like to know."
CARE = "This message is answered by people, not by documents. The help named here is the place to turn to."


class KetaQA:
    """An index opened for questions. Safe to share between threads: nothing changes after opening."""

    def __init__(self, index: Index, config: Config | None = None) -> None:
        self.index = index
        self.config = config or Config()

    @property
    def info(self) -> IndexInfo:
        """Version and number of passages."""
        return self.index.info

    def ask(self, question: str, history: Sequence[Message] = (), k: int = DEFAULT_K) -> Answer:
        """The best passage with its citation and at most k - 1 alternatives, or an honest abstention.

        history: earlier messages, oldest first, {"role": "user" | "assistant", "content": text}.
        BadQuestion when the question is empty, too long or not text.
        """
        _must_be_text(question)
        # help comes before every other check: a long message from danger is still a message from danger
        care = self.care(question, history)
        if care.silent:
            return self._abstained(question, care.notices, CARE if care.grave else NO_HELP)
        question, k = self._checked(question), _checked_k(k)
        if conversation.courtesy(question):
            return self._abstained(question, care.notices, CARE if care.grave else NO_QUESTION)
        answer = self._looked_up(question, self.query(question, history), care.notices, k)
        if answer.status == "abstained" and conversation.context(question, history):
            # leaning wording ("it") may just as well mean the subject of all documents: as typed, then
            return self._looked_up(question, self.query(question), care.notices, k)
        return answer

    def care(self, question: str, history: Sequence[Message] = ()) -> Care:
        """The notices of a message, as it was typed and as it is searched for: a slip must not hide a danger."""
        before, leans = conversation.recent(history), conversation.leans(question)
        typed = safety.check_turn(question, before, leans)
        read, *read_before = (self._mended(text)[0] for text in (question, *before))
        if [read, *read_before] == [question, *before]:
            return typed
        return safety.joined(typed, safety.check_turn(read, read_before, leans))

    def _mended(self, text: str) -> tuple[str, tuple[Correction, ...]]:
        # a text too long to be a question is not looked at word by word
        return self.index.spelling.read(text) if len(text) <= self.config.max_question_length else (text, ())

    def _looked_up(self, question: str, query: list[QueryTerm], notices: tuple[Notice, ...], k: int) -> Answer:
        text, corrections = self._mended(question)
        hits, stale = self._fresh(text, query, k)
        notices += (Notice("stale", stale),) if stale else ()
        sure = self.confidence(query, hits[0].terms) if hits else 0.0
        if sure < answerer.THRESHOLD:
            reason = stale or answerer.reason_for_silence(text, query, self.index.analyser)
            return replace(self._abstained(question, notices, reason, sure), corrections=corrections)
        return replace(self._answered(question, hits, notices, sure), corrections=corrections)

    def query(self, question: str, history: Sequence[Message] = ()) -> list[QueryTerm]:
        """The weighted terms that a question is searched by, its misspelt words and those of the question before mended."""
        before = conversation.context(question, history)
        # a text too long to be a question is no context either
        context = before if len(before) <= self.config.max_question_length else ""
        return self.index.retriever.query(self._mended(question)[0], self._mended(context)[0])

    def confidence(self, query: Sequence[QueryTerm], terms: Sequence[TermWeight]) -> float:
        """How likely, in [0, 1], a passage answers a question, from what its terms added to its score."""
        return answerer.confidence(query, terms, self.index.retriever.postings.idf(0))

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The k best passages, by falling score, ties by passage number. Passages of changed files are left out."""
        return self.searched(query, k)[0]

    def searched(self, query: str, k: int) -> tuple[list[Hit], str]:
        """The hits of `search`, and what to say where passages were left out; empty where none was."""
        text, _ = self._mended(self._checked(query))
        return self._fresh(text, self.index.retriever.query(text), _checked_k(k))

    def corrections(self, query: str) -> tuple[Correction, ...]:
        """Which misspelt words of a query `search` reads as which others."""
        return self._mended(query)[1]

    def documents(self) -> list[Document]:
        """All documents, in order."""
        return [self.index.document(doc_id) for doc_id in self.index.doc_ids()]

    def document(self, doc_id: str) -> Document:
        """One document; UnknownDocument when it is not there."""
        return self.index.document(doc_id)

    def passages(self, doc_id: str) -> list[Passage]:
        """The passages of a document, in order; UnknownDocument when it is not there."""
        return self.index.passages_of(doc_id)

    def _checked(self, question: str) -> str:
        limit = self.config.max_question_length
        _must_be_text(question)
        if not question.strip():
            raise BadQuestion("the question is empty; type a question")
        if len(question) > limit:
            raise BadQuestion(f"the question has {len(question)} characters; ask in at most {limit}")
        if any("\ud800" <= c <= "\udfff" for c in question):
            raise BadQuestion("the question is not valid text (a lone surrogate); type it again")
        return question

    def _fresh(self, question: str, query: list[QueryTerm], k: int) -> tuple[list[Hit], str]:
        """The k best hits whose files did not change, and, where one was left out, what to say of it."""
        wanted = k
        while True:
            found = self.index.retriever.search(query, wanted)
            changed = self.index.stale(self.index.document_of(n) for n, _ in found)
            fresh = [(n, s) for n, s in found if self.index.document_of(n) not in changed]
            if len(fresh) >= k or len(found) < wanted:
                return self._hits(fresh[:k], query, question), self._said_of(changed)
            wanted *= 4

    def _said_of(self, changed: set[int]) -> str:
        names = [self.index.doc_id_at(number) for number in sorted(changed)]
        if not names:
            return ""
        return STALE.format(names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more")

    def _hits(self, found: list[tuple[int, float]], query: list[QueryTerm], question: str) -> list[Hit]:
        reasons = explaining.explained(self.index.retriever, query, [number for number, _ in found])
        passages = [self._marked(number, query, question) for number, _ in found]
        return [
            Hit(rank, score, passage, self.index.citation(number), terms)
            for rank, ((number, score), passage, terms) in enumerate(zip(found, passages, reasons, strict=True), 1)
        ]

    def _marked(self, number: int, query: list[QueryTerm], question: str) -> Passage:
        passage, headings = self.index.passage(number), self.index.headings_in(number)
        return answerer.highlighted(passage, headings, query, self.index.analyser, question)

    def _answered(self, question: str, hits: list[Hit], notices: tuple[Notice, ...], sure: float) -> Answer:
        best, others = hits[0], tuple(hits[1:])
        return Answer(question, "answered", best.passage, best.citation, sure, None, notices, others, best.terms, self.info)

    def _abstained(self, question: str, notices: tuple[Notice, ...], reason: str, sure: float = 0.0) -> Answer:
        # a remark on a passage has no place where none is shown; a line to call, or a warning of its own, has
        notices = tuple(n for n in notices if n.links or n.kind != "disclaimer")
        return Answer(question, "abstained", None, None, sure, reason, notices, (), (), self.info)


def open_index(path: str | Path | None = None, config: Config | None = None) -> KetaQA:
    """The index at `path`, ready for questions; the shipped documents without a path. BadIndex when it can't be read."""
    config = config or Config()
    chosen = path or config.index
    if chosen:
        return KetaQA(Index(Path(chosen), config.encoder), config)
    from ketaqa import shipped  # building needs more imports than asking

    return KetaQA(Index(shipped.index_path(), config.encoder), config)


def _must_be_text(question: object) -> None:
    if not isinstance(question, str):
        raise BadQuestion(f"the question is a {type(question).__name__}; give it as text")


def _checked_k(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise BadSetting(f"k is {k!r}; give a whole number from 1 to {MAX_K}")
    return k

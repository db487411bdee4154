"""KetaQA: ask a set of documents, get the passage that answers best, word for word, with its citation.

The plan of the house, in the order in which data passes through; a room imports only rooms above it:

    errors        what went wrong, said so that the reader can mend it
    records       the values that travel between rooms
    config        settings: environment, file, default
    pool          work for several processes or threads
    columns       arrays that grow, in memory or in files
    loaders       a file -> Documents
    analysis      text -> sentences, tokens, terms
    compiled      parts that numba compiles
    chunking      bytes -> numbers of chunks, compiled
    lexicon       many texts -> numbers of terms
    weighting     counts -> weights, one formula each
    passages      a Document -> Passages
    packing       Documents and Passages -> arrays
    documents     arrays -> Documents and Passages
    asked         which questions readers put to a passage
    fields        by which words a passage is found
    references    which sources stand behind which sentences
    gathered      rows of postings in memory, one after the other
    postings      terms by passage, and what each weighs
    inversion     numbered terms -> blocks of postings
    joining       blocks of postings -> all postings
    spooling      postings that wait in files until they are joined
    scanning      the largest sums of weights, compiled
    compiling     what the compiled code reads, and whether it is loaded
    topk          the passages with the largest sums
    semantics     vectors of words and passages, four bits a number
    spelling      which word of the documents was meant by a misspelt one
    encoder       a sentence encoder, where one is installed
    nearing       how near codes lie to a vector, compiled
    meaning       what the words of a question mean in these documents
    retriever     a question -> exact top-k, and why
    explaining    what each term added to each hit
    estimator     the retriever for scikit-learn
    storage       arrays in a folder: whole or not at all, checked when opened
    assembling    packed documents -> the files of an index
    index         passages, documents and citations of an opened index
    embedder      which vector stands for a passage
    reading       files -> packed documents and their postings
    updating      what the index before holds of files that did not change
    finishing     citations, vectors and words of all documents
    building      an index that is being built
    builder       files -> an index
    shipped       where the shipped documents are
    receipts      whether a source still says what was quoted
    confidence    how likely the best passage answers
    answerer      hits -> the sentence that answers, or why none is shown
    danger        how much a message looks like one from danger
    wordings      which of many expressions fit a message
    safety        a question -> notices
    conversation  history and follow-up -> a question that stands alone
    question      a question as typed and as read
    why           what each word did for an answer
    pipeline      ask(question, history) -> Answer
    evaluation    collections, measures, intervals
    web           HTTP and chat
    terminal      answers and tables for a terminal
    measuring     the commands that measure
    cli           the command line
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketaqa.errors import KetaqaError

if TYPE_CHECKING:
    from ketaqa.builder import build
    from ketaqa.pipeline import KetaQA
    from ketaqa.records import Answer, Hit

    __version__: str

__all__ = ["Answer", "Hit", "KetaQA", "KetaqaError", "build", "open"]

# rooms are imported when a name of theirs is first asked for: `ketaqa --help` needs none of them
_ROOMS = {"Answer": "records", "Hit": "records", "KetaQA": "pipeline", "build": "builder"}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return getattr(import_module(f"ketaqa.{_ROOMS[name]}"), name)
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("ketaqa")
        except PackageNotFoundError:  # run from a checkout that is not installed
            return "0"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open(path: str | Path | None = None) -> "KetaQA":  # the name that the contract gives it
    """The index at `path`, ready for questions; the shipped documents without a path."""
    from ketaqa import config, pipeline

    return pipeline.open_index(path, config.load())

"""What went wrong, said so that the reader can mend it.

Every message names the thing, the value found and the remedy, on one line. Only bugs surface as other exceptions.
"""


class KetaqaError(Exception):
    """Base of every refusal that KetaQA makes on purpose."""


class BadQuestion(KetaqaError):
    """The question can't be searched for: empty, too long, or not text."""


class BadSource(KetaqaError):
    """A document, or a file that belongs to it, can't be read."""


class BadIndex(KetaqaError):
    """There is no index there, or it is torn, altered or of another format."""


class BadSetting(KetaqaError):
    """An option, environment variable or configuration key has a value that it can't have."""


class BadCollection(KetaqaError):
    """A test collection, run or qrels file is malformed."""


class UnknownDocument(KetaqaError):
    """No document of the index has that doc_id."""

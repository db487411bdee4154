"""HTTP and chat: the same answers for programs and people.

Useful for: serving. Not useful for: anything that needs no server.
"""

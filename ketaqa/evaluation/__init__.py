"""Collections, measures and intervals: how good is the ranking?

Useful for: `ketaqa evaluate`. Not useful for: answering.
"""

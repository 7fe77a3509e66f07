"""De-duplication by link sequence: the rule of docs/events.md, in five lines.

A partition has one source shard, whose records are numbered 1, 2, 3 … within an incarnation. After
a crash some are written again, never with other content.
"""

NEXT, REPEAT, GAP = "next", "repeat", "gap"


def arrival(mark, seen):
    """What to do with a record, from two (incarnation, link sequence): the last applied, and its own."""
    (incarnation, last), (seen_incarnation, sequence) = mark, seen
    if seen_incarnation < incarnation:
        return REPEAT
    if seen_incarnation > incarnation:
        last = 0
    return NEXT if sequence == last + 1 else REPEAT if sequence <= last else GAP


def link_of(headers, source):
    """(incarnation, link sequence) of a record by `source`; None for a record that is not of it."""
    try:
        # products/3:0:1234:2 is shard, incarnation, command offset, index.
        shard, incarnation, _, _ = headers["origin"].decode().split(":")
        link = int(incarnation), int(headers["linkseq"])
    except (AttributeError, KeyError, TypeError, ValueError):
        # Absent, no text, or null, which a header may be: None has no `decode` and is no number.
        return None
    return link if shard == source else None

"""What the container of HEIC and AVIF pictures (ISO/IEC 23008-12) says of the picture's orientation."""

import struct
from collections.abc import Iterator

# The properties that turn a picture, and mirror it.
TURNS = {b"irot", b"imir"}


def turns_itself(data: bytes) -> bool:
    """Whether the container says how the picture lies, so that the decoder has turned it, be it by 0 degrees.

    Raises ValueError, IndexError, KeyError or struct.error where the container is damaged.
    """
    meta = dict(boxes(data, *dict(boxes(data, 0, len(data)))[b"meta"], header=4))
    start, _ = meta[b"pitm"]
    primary = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)[0]
    properties = dict(boxes(data, *meta[b"iprp"]))
    kinds = [kind for kind, _ in boxes(data, *properties[b"ipco"])]
    return any(kinds[index - 1] in TURNS for index in properties_of(primary, data, properties[b"ipma"][0]) if index)


def boxes(data: bytes, start: int, end: int, header: int = 0) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The boxes between two offsets, after `header` bytes: the kind, and where the content starts and ends."""
    start += header
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = start + size if size else end
        if not content <= stop <= end:
            raise ValueError("a box that does not fit into its own")
        yield kind, (content, stop)
        start = stop


def properties_of(item: int, data: bytes, start: int) -> list[int]:
    """The numbers, from 1, of an item's properties; `start` is where the content of the box `ipma` begins."""
    version, flags = data[start], data[start + 3]
    (count,) = struct.unpack_from(">I", data, start + 4)
    place = start + 8
    for _ in range(count):
        (number,) = struct.unpack_from(">I" if version else ">H", data, place)
        place += 4 if version else 2
        associations = data[place]
        form, width = (">H", 2) if flags & 1 else (">B", 1)
        # The highest bit says whether a reader must understand the property.
        mask = (1 << (8 * width - 1)) - 1
        values = [struct.unpack_from(form, data, place + 1 + width * i)[0] & mask for i in range(associations)]
        if number == item:
            return values
        place += 1 + width * associations
    return []

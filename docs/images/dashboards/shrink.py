"""Rewrites a browser's PNG with a palette of 256 colours: flat panels lose nothing and take a third of the space.

shrink.py FILE.png
"""

import collections
import struct
import sys
import zlib


def chunks(data: bytes):
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def rows(raw: bytes, width: int, height: int, size: int):
    """The lines of the picture, PNG's filters undone."""
    length, above = width * size, bytearray(width * size)
    for number in range(height):
        start = number * (length + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        for i in range(length) if kind else ():
            left = line[i - size] if i >= size else 0
            up = above[i]
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) // 2
            else:
                corner = above[i - size] if i >= size else 0
                p = left + up - corner
                a, b, c = abs(p - left), abs(p - up), abs(p - corner)
                guess = left if a <= b and a <= c else up if b <= c else corner
            line[i] = (line[i] + guess) & 255
        above = line
        yield [bytes(line[i : i + 3]) for i in range(0, length, size)]


def main(path: str) -> None:
    with open(path, "rb") as file:
        parts = list(chunks(file.read()))
    width, height, depth, kind = struct.unpack_from(">IIBB", parts[0][1])
    assert depth == 8 and kind in (2, 6), "not what a browser writes"
    raw = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
    lines = list(rows(raw, width, height, 3 if kind == 2 else 4))
    counted = collections.Counter(pixel for line in lines for pixel in line)
    palette = [pixel for pixel, _ in counted.most_common(256)]
    index = {pixel: number for number, pixel in enumerate(palette)}
    for pixel in counted.keys() - index.keys():
        far = [sum((one - other) ** 2 for one, other in zip(pixel, known)) for known in palette]
        index[pixel] = far.index(min(far))
    packed = zlib.compress(b"".join(b"\0" + bytes(index[pixel] for pixel in line) for line in lines), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in [(b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", packed), (b"IEND", b"")]:
            file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


main(sys.argv[1])

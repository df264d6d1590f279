"""Photos that are none, or worse: what somebody might send to a server that decodes pictures."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, PngImagePlugin

CANARY_HOST = "canary.invalid"


def photo(kind: str = "JPEG", size: tuple[int, int] = (64, 160), seed: int = 0) -> bytes:
    """A harmless one."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, content: bytes, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    information = PngImagePlugin.PngInfo()
    information.add_text("Comment", "x" * 60_000_000, zip=True)
    file = BytesIO()
    Image.new("RGB", (64, 160)).save(file, "PNG", pnginfo=information)
    return file.getvalue()


def too_wide_jpeg() -> bytes:
    """A small picture whose header claims 65,500 by 65,500 pixels."""
    data = bytearray(photo())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def many_scans() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 160)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    begin = data.index(b"\xff\xda")
    return data[:begin] + data[begin:-2] * 200 + data[-2:]


def hostile() -> dict[str, bytes]:
    """Name -> bytes; every one must be refused."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://{CANARY_HOST}/a.png"/></svg>'
    xxe = f'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;{CANARY_HOST}</svg>'
    good_png, good_webp = photo("PNG"), photo("WEBP")
    return {
        "nothing": b"",
        "one byte": b"\xff",
        "text": b"not a picture",
        "a list of files for ffmpeg": f"ffconcat version 1.0\nfile http://{CANARY_HOST}/a.mp4\n".encode(),
        "a playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\nhttp://{CANARY_HOST}/a.ts\n".encode(),
        "svg with a link": svg.encode(),
        "svg with an entity": xxe.encode(),
        "gif": photo("GIF"),
        "tiff": photo("TIFF"),
        "bmp": photo("BMP"),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
        "imagemagick script": f"push graphic-context\nfill 'url(https://{CANARY_HOST})'\npop graphic-context".encode(),
        "zip": b"PK\x03\x04" + bytes(100),
        "html behind a jpeg's first bytes": b"\xff\xd8\xff\xe0<html><script>alert(1)</script></html>",
        "script behind a png's first bytes": b"\x89PNG\r\n\x1a\n#!/bin/sh\ntouch /tmp/canary\n",
        "riff that is sound": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40),
        "truncated jpeg": photo("JPEG", (200, 400))[:5000],
        "truncated png": good_png[: len(good_png) // 2],
        "truncated webp": good_webp[: len(good_webp) // 2],
        "png with a wrong checksum": good_png[:50] + bytes([good_png[50] ^ 255]) + good_png[51:],
        "png of a thousand million pixels": png(32_000, 32_000, zlib.compress(bytes(100_000))),
        "png that unpacks to 60 MB of text": text_bomb(),
        "png of no width": png(0, 100, zlib.compress(b"")),
        "jpeg that claims to be huge": too_wide_jpeg(),
        "jpeg of 200 scans": many_scans(),
        "jpeg one pixel high": photo("JPEG", (400, 1)),
        "too many bytes": photo("JPEG") + bytes(10_000_000),
    }

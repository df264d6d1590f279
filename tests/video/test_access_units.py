"""Pictures put together from pieces, by the pieces of a real encoder, cut as RTP cuts them."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import cast

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from tracker.video.access_units import AccessUnit, Assembler, Piece, Silence, nal_units

PIECE_BYTES = 200
PICTURE_SECONDS = 0.2
PIECE_SECONDS = 0.001


def encoded(codec: str, options: dict[str, str], count: int) -> list[tuple[bytes, bool]]:
    """Coded pictures of noise (Annex B), and whether each can be decoded alone."""
    noise = np.random.default_rng(0)
    encoder = cast(VideoCodecContext, av.CodecContext.create(codec, "w"))
    encoder.width, encoder.height, encoder.pix_fmt = 96, 64, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 5), Fraction(5)
    encoder.options = options
    images = [noise.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(count)]
    frames = [av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p") for image in images]
    for number, frame in enumerate(frames):
        frame.pts = number
    return [(bytes(packet), packet.is_keyframe) for frame in [*frames, None] for packet in encoder.encode(frame)]


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Of a camera that sends two slices a picture and a key picture every two seconds."""
    return [data for data, _ in encoded("libx264", {"bf": "0", "g": "10", "slices": "2", "sc_threshold": "0"}, 40)]


def packet(data: bytes, pts: int | None) -> "av.Packet[VideoStream]":
    made = cast("av.Packet[VideoStream]", av.Packet(data))
    made.pts, made.time_base = pts, Fraction(1, 1000)
    return made


def in_pieces(data: bytes, number: int, pts: int | None = -1) -> list[Piece | None]:
    """A NAL unit begins with a start code, and so does the first of its pieces."""
    nals = [b"\0\0\0\1" + nal for nal in payload(data).split(b"\0\0\1")[1:]]
    parts = [nal[at : at + PIECE_BYTES] for nal in nals for at in range(0, len(nal), PIECE_BYTES)]
    pts = 200 * number if pts == -1 else pts
    began = 1000 + number * PICTURE_SECONDS
    return [Piece(packet(part, pts), began + n * PIECE_SECONDS, math.nan) for n, part in enumerate(parts)]


def payload(data: bytes) -> bytes:
    """With short start codes everywhere; both are allowed."""
    return data.replace(b"\0\0\0\1", b"\0\0\1")


class Script:
    """Pieces as they come; None: nothing comes until whoever waits gives up."""

    def __init__(self, items: Sequence[Piece | None]) -> None:
        self._items = iter(items)
        self.waited: list[float | None] = []

    def next_within(self, seconds: float | None) -> Piece:
        self.waited.append(seconds)
        item = next(self._items)
        if item is None:
            assert seconds is not None, "waits for ever"
            raise TimeoutError
        return item


def assembled(items: Sequence[Piece | None]) -> list[AccessUnit]:
    return list(Assembler(Script(items), "h264"))


def all_pieces(pictures: Sequence[bytes]) -> list[Piece | None]:
    return [piece for number, data in enumerate(pictures) for piece in in_pieces(data, number)]


def test_pieces_become_the_pictures_that_were_cut(pictures: list[bytes]) -> None:
    units = assembled(all_pieces(pictures))
    assert [payload(bytes(unit.packet)) for unit in units] == [payload(data) for data in pictures]
    assert [unit.packet.pts for unit in units] == [200 * number for number in range(40)]
    assert [number for number, unit in enumerate(units) if unit.packet.is_keyframe] == [0, 10, 20, 30]
    assert all(unit.arrived >= unit.began for unit in units)


def test_a_decoder_takes_them(pictures: list[bytes]) -> None:
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for unit in assembled(all_pieces(pictures)) for frame in decoder.decode(unit.packet)]
    assert [frame.pts for frame in frames] == [200 * number for number in range(len(frames))]
    assert len(frames) >= 39


def test_after_a_silence_a_picture_is_handed_on_before_the_next_one_begins(pictures: list[bytes]) -> None:
    script = Script([*all_pieces(pictures[:30]), None])
    units = iter(Assembler(script, "h264"))
    numbers = [next(units).packet.pts for _ in range(30)]  # the 30th came without a 31st
    assert numbers[-1] == 29 * 200
    assert script.waited[0] is None
    assert script.waited[-1] == pytest.approx(0.015)


def test_nothing_is_handed_on_early_while_the_gaps_of_a_stream_are_unknown(pictures: list[bytes]) -> None:
    script = Script(all_pieces(pictures[:12]))
    list(Assembler(script, "h264"))
    assert set(script.waited) == {None}


def test_parameter_sets_are_not_taken_for_a_picture(pictures: list[bytes]) -> None:
    before, key = all_pieces(pictures[:30]), in_pieces(pictures[30], 30)
    script = Script([*before, *key, None])
    list(Assembler(script, "h264"))
    kinds = [[kind for kind, _ in nal_units(bytes(piece.packet), "h264")] for piece in key if piece]
    first_slice = kinds.index([5])
    assert first_slice > 0
    waited = script.waited[len(before) + 1 :]
    assert set(waited[:first_slice]) == {None}
    assert waited[first_slice] == pytest.approx(0.015)


def test_a_picture_that_was_torn_is_counted_and_the_patience_grows(pictures: list[bytes]) -> None:
    torn = in_pieces(pictures[31], 31)
    assert len(torn) > 2
    late = [Piece(piece.packet, piece.arrival + 0.1, math.nan) for piece in torn[2:] if piece]
    script = Script([*all_pieces(pictures[:31]), *torn[:2], None, *late, *in_pieces(pictures[32], 32), None])
    units = list(Assembler(script, "h264"))
    assert [unit.packet.pts for unit in units] == [200 * number for number in range(33)]
    assert units[-1].torn == len(late)
    assert payload(bytes(units[-1].packet)) == payload(pictures[32])
    assert (script.waited[-2] or 0) > 0.3  # three times the gap that tore it


@pytest.mark.parametrize("pts", [None, 7])
def test_cameras_that_do_not_count_time_are_told_by_their_slices(pictures: list[bytes], pts: int | None) -> None:
    pieces = [piece for number, data in enumerate(pictures) for piece in in_pieces(data, number, pts)]
    units = assembled(pieces)
    assert len(units) == len(pictures)
    decoder = av.CodecContext.create("h264", "r")
    assert sum(len(decoder.decode(unit.packet)) for unit in units) >= 39


def test_no_pieces() -> None:
    assert assembled([]) == []


def test_long_gaps_are_forgotten_after_two_windows() -> None:
    silence = Silence(least_seconds=0.015, window_seconds=30.0, pictures=1)
    silence.picture()
    silence.gap(0.1, 0.0)
    assert silence.seconds == pytest.approx(0.3)
    silence.gap(0.001, 31.0)
    assert silence.seconds == pytest.approx(0.3)
    silence.gap(0.001, 62.0)
    assert silence.seconds == pytest.approx(0.015)


def test_nal_units_of_hevc() -> None:
    idr, trailing = b"\0\0\0\1\x26\x01\xaf", b"\0\0\0\1\x02\x01\x40"
    assert list(nal_units(idr + trailing, "hevc")) == [(19, True), (1, False)]


def test_key_pictures_of_hevc() -> None:
    options = {"x265-params": "keyint=5:min-keyint=5:scenecut=0:bframes=0:log-level=none:repeat-headers=1"}
    coded = encoded("libx265", options, 12)
    items = [piece for number, (data, _) in enumerate(coded) for piece in in_pieces(data, number)]
    units = list(Assembler(Script(items), "hevc"))
    assert [payload(bytes(unit.packet)) for unit in units] == [payload(data) for data, _ in coded]
    assert [number for number, unit in enumerate(units) if unit.packet.is_keyframe] == [0, 5, 10]

"""Pictures put together from the pieces in which an RTSP camera sends them, as soon as they are complete.

FFmpeg's parser takes a picture for complete when the next one begins, which is late by a whole frame interval: 200 ms
at 5 frames/s. RTP tells the last piece by a marker, which FFmpeg does not hand on. But all pieces of a picture come in
one go, so that a short silence is as good a sign, once the gaps between the pieces of this very stream are known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

import av
from av.video.stream import VideoStream

IN_PIECES = frozenset({"h264", "hevc"})
"""Codecs whose pictures FFmpeg hands on in pieces, one per RTP packet, when its parser is off."""

_START = b"\0\0\0\1"
_H264_SLICES, _H264_KEYS = frozenset({1, 5}), frozenset({5, 7})  # ITU-T H.264, table 7-1: slices; IDR slice, SPS
_HEVC_SLICES, _HEVC_KEYS = frozenset(range(22)), frozenset({*range(16, 22), 33})  # ITU-T H.265, table 7-1


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a picture, or all of it. arrival: monotonic seconds. clock_offset: the camera's own clock (seconds
    since 1970) minus the packet's pts in seconds; NaN if the camera does not tell.
    """

    packet: "av.Packet[VideoStream]"
    arrival: float
    clock_offset: float


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """All of a picture, ready for the decoder. began, arrived: when its first piece came and its last, monotonic
    seconds. torn: pictures so far that were taken for complete too early.
    """

    packet: "av.Packet[VideoStream]"
    began: float
    arrived: float
    clock_offset: float
    torn: int = 0


class Pieces(Protocol):
    """Where pieces come from; ReadAhead has it."""

    def next_within(self, seconds: float | None) -> Piece:
        """Raises TimeoutError if none comes for so long, StopIteration after the last one."""


class Silence:
    """How long nothing must come until a picture counts as complete: well above the longest gap between two pieces of
    one picture in the last one or two windows.
    """

    def __init__(self, least_seconds: float = 0.015, window_seconds: float = 30.0, pictures: int = 12) -> None:
        self._least_seconds = least_seconds
        self._window_seconds = window_seconds
        self._unknown = pictures
        self._began: float | None = None
        self._longest = self._earlier = 0.0

    @property
    def seconds(self) -> float | None:
        """None until enough pictures were seen."""
        return None if self._unknown > 0 else max(self._least_seconds, 3 * max(self._longest, self._earlier))

    def picture(self) -> None:
        """One more picture was seen from its first piece to its last."""
        self._unknown -= 1

    def gap(self, gap_seconds: float, now_seconds: float) -> None:
        """Two pieces of one picture came so long after each other."""
        self._began = now_seconds if self._began is None else self._began
        if now_seconds - self._began > self._window_seconds:
            self._earlier, self._longest, self._began = self._longest, 0.0, now_seconds
        self._longest = max(self._longest, gap_seconds)


@dataclass(slots=True)
class Assembler:
    """Iterates over the pictures of one stream."""

    pieces: Pieces
    codec: str
    silence: Silence = field(default_factory=Silence)
    _torn: int = 0

    def __iter__(self) -> Iterator[AccessUnit]:
        gathered: list[Piece] = []
        begun = False  # a slice is among them: before it come parameter sets, which nobody can decode alone
        done: Piece | None = None  # the last piece of a picture that was handed on after a silence
        while True:
            try:
                piece = self.pieces.next_within(self.silence.seconds if begun else None)
            except TimeoutError:
                done = gathered[-1]
                yield self._whole(gathered)
                gathered, begun = [], False
                continue
            except StopIteration:
                break
            if done is not None and self._continues([done], piece) and not self._begins_picture(piece):
                self._torn += 1
                self.silence.gap(piece.arrival - done.arrival, piece.arrival)
                done = piece
                continue
            done = None
            if gathered and self._continues(gathered, piece):
                self.silence.gap(piece.arrival - gathered[-1].arrival, piece.arrival)
            elif gathered:
                self.silence.picture()
                yield self._whole(gathered)
                gathered, begun = [], False
            gathered.append(piece)
            begun = begun or self._begins_picture(piece)
        if gathered:
            yield self._whole(gathered)

    def _continues(self, gathered: list[Piece], piece: Piece) -> bool:
        """Pieces of one picture bear one time. Cameras that do not count time are told by their slices."""
        if piece.packet.pts not in (None, gathered[-1].packet.pts):
            return False
        return not (self._begins_picture(piece) and any(map(self._begins_picture, gathered)))

    def _begins_picture(self, piece: Piece) -> bool:
        """Whether the first slice of a picture begins here: its first_mb_in_slice is 0, coded as a single set bit;
        first_slice_segment_in_pic_flag in HEVC.
        """
        slices = _H264_SLICES if self.codec == "h264" else _HEVC_SLICES
        return any(kind in slices and first for kind, first in nal_units(bytes(piece.packet), self.codec))

    def _whole(self, gathered: list[Piece]) -> AccessUnit:
        data = b"".join(bytes(piece.packet) for piece in gathered)
        first = gathered[0].packet
        packet = cast("av.Packet[VideoStream]", av.Packet(data))
        packet.pts, packet.dts, packet.time_base = first.pts, first.dts, first.time_base
        keys = _H264_KEYS if self.codec == "h264" else _HEVC_KEYS
        packet.is_keyframe = any(kind in keys for kind, _ in nal_units(data, self.codec))
        return AccessUnit(packet, gathered[0].arrival, gathered[-1].arrival, gathered[-1].clock_offset, self._torn)


def nal_units(data: bytes, codec: str) -> Iterator[tuple[int, bool]]:
    r"""Of the NAL units that begin in the data (Annex B): the type, and whether the first bit behind the header is set.

    >>> list(nal_units(b"\0\0\0\1\x67\x64\0\0\0\1\x65\x88", "h264"))
    [(7, False), (5, True)]
    """
    place = data.find(_START)
    while place >= 0:
        header = place + len(_START)
        size = 1 if codec == "h264" else 2
        if header + size < len(data):
            kind = data[header] & 0x1F if codec == "h264" else data[header] >> 1 & 0x3F
            yield kind, bool(data[header + size] & 0x80)
        place = data.find(_START, header)

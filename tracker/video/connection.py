"""The connection to a live camera: opened by FFmpeg, read picture by picture."""

import math
import struct
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from tracker.video.access_units import IN_PIECES, AccessUnit, Assembler, Piece
from tracker.video.readahead import ReadAhead

_PROTOCOLS = "rtsp,rtsps,rtp,srtp,rtmp,rtmps,rtmpt,tcp,udp,tls,http,https,httpproxy,crypto,srt"
_PIECES_WAITING = 5000
"""More than come in the second after which late pictures are left out; beyond that the network would hide how late."""


class UnusableError(Exception):
    """What a camera sends is not, or no longer, what can be handed on; after connecting anew it may be."""


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """in_pieces: FFmpeg hands on what comes as it comes, and pictures are put together here."""

    container: InputContainer
    stream: VideoStream
    in_pieces: bool

    def close(self) -> None:
        self.container.close()

    def access_units(self) -> Generator[AccessUnit, None, None]:
        """Coded pictures as they come. Raises av.error.FFmpegError when reading fails."""
        pieces = self._pieces()
        if not self.in_pieces:
            for piece in pieces:
                yield AccessUnit(piece.packet, piece.arrival, piece.arrival, piece.clock_offset)
            return
        with closing(ReadAhead(pieces, _PIECES_WAITING, "read")) as waiting:
            yield from Assembler(waiting, self.stream.codec_context.name)

    def _pieces(self) -> Generator[Piece, None, None]:
        clock_offset = math.nan
        for packet in self.container.demux(self.stream):
            arrival = monotonic()
            clock_offset = _camera_clock_offset(packet, clock_offset)
            if packet.size:  # the last one is empty
                yield Piece(packet, arrival, clock_offset)


def connect(url: str, transport: str, opening_seconds: float, stale_seconds: float) -> Connection:
    """url: with its password. transport: tcp or udp, for RTSP. Raises av.error.FFmpegError, or UnusableError."""
    if url.isdigit():
        return _connection(av.open(f"/dev/video{url}", format="v4l2"))
    options = {
        "protocol_whitelist": _PROTOCOLS,
        "fpsprobesize": "0",  # FFmpeg would wait for 20 pictures to guess the rate
        "max_ts_probe": "0",  # and for 8 or so to learn when the first is decoded, which RTP does not tell
        "analyzeduration": "500000",  # microseconds; the description of the stream tells nearly everything
    }
    timeouts = (opening_seconds, 2 * stale_seconds)  # whoever started this process is to notice first
    if url.lower().startswith("rtsp"):
        options |= {"rtsp_transport": transport, "timeout": str(round(2e6 * stale_seconds))}
        whole = _connection(av.open(url, options=options | {"fflags": "noparse"}, timeout=timeouts), in_pieces=True)
        if whole.stream.codec_context.name in IN_PIECES:
            return whole
        whole.close()  # other codecs need FFmpeg's parser
    return _connection(av.open(url, options=options, timeout=timeouts))


def _connection(container: InputContainer, in_pieces: bool = False) -> Connection:
    if not container.streams.video:
        container.close()
        raise UnusableError("it sends no video")
    return Connection(container, container.streams.video[0], in_pieces)


def _camera_clock_offset(packet: "av.Packet[VideoStream]", previous: float) -> float:
    """Camera clock minus stamp, from the RTCP sender reports that FFmpeg attaches (AVProducerReferenceTime)."""
    if packet.pts is None or packet.time_base is None or not packet.has_sidedata("prft"):
        return previous
    microseconds: int = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))[0]
    return microseconds / 1e6 - float(packet.pts * packet.time_base)

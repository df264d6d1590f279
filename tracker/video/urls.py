"""Addresses of live cameras, and how they are shown without their secrets."""

import re

_USER_INFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^/\s:@]*):\S*@", re.IGNORECASE)
_SECRET = re.compile(r"(?P<name>[?&;](?:pass|passwd|password|pwd|token|auth|key|secret)=)[^&;\s]*", re.IGNORECASE)

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "srt")


def is_live(source: str) -> bool:
    """A stream's address, or the number of a video device ('0' is /dev/video0)."""
    return source.isdigit() or source.partition("://")[0].lower() in LIVE_SCHEMES


def masked(text: str) -> str:
    """The text with the passwords of all addresses in it replaced by ***.

    >>> masked("rtsp://eve:pa:ss@w@10.0.0.2/1?user=eve&password=x")
    'rtsp://eve:***@10.0.0.2/1?user=eve&password=***'
    """
    return _SECRET.sub(r"\g<name>***", _USER_INFO.sub(r"\g<scheme>\g<user>:***@", text))

"""Addresses of live cameras, and how they are shown without their secrets."""

import re
from collections.abc import Callable

_USER_INFO = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:(?P<user>[^/\s:]*):(?P<password>\S*)|(?P<only_user>[^/\s:]*))@", re.IGNORECASE
)
_NAMES = "(?:pass|passwd|password|pwd|token|auth|key|secret)="
_SECRET = re.compile(
    rf"(?P<name>[?&;](?:\w*_)?{_NAMES})(?P<value>[^&;\s]*)"
    rf"|(?P<path_name>[/_]{_NAMES})(?P<path_value>[^&;\s]*?(?=_[a-z]+=|[&;\s]|$))",
    re.IGNORECASE,
)
"""Also /user=admin_password=x_channel=1, as some cameras have it in their path."""

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "srt")


def is_live(source: str) -> bool:
    """A stream's address, or the number of a video device ('0' is /dev/video0)."""
    return source.isdigit() or source.partition("://")[0].lower() in LIVE_SCHEMES


def masked(text: str) -> str:
    """The text with the passwords of all addresses in it replaced by ***.

    >>> masked("rtsp://eve:pa:ss@w@10.0.0.2/1?user=eve&password=x")
    'rtsp://eve:***@10.0.0.2/1?user=eve&password=***'
    """
    return secrets_replaced(text, lambda kind, value: value if kind == "user" else "***")


def secrets_replaced(text: str, stand_in: Callable[[str, str], str]) -> str:
    """The text with stand_in(kind, value) in the place of each user ("user") and password ("password") before the
    host of an address, and of each password or token elsewhere in it ("secret"). The host begins after the last @ of
    an address: users and passwords may hold one.
    """

    def user_info(match: re.Match[str]) -> str:
        if match["password"] is None:
            return f"{match['scheme']}{stand_in('user', match['only_user'])}@"
        user = stand_in("user", match["user"]) if match["user"] else ""
        return f"{match['scheme']}{user}:{stand_in('password', match['password'])}@"

    def elsewhere(match: re.Match[str]) -> str:
        if match["name"] is not None:
            return match["name"] + stand_in("secret", match["value"])
        return str(match["path_name"]) + stand_in("secret", match["path_value"])

    return _SECRET.sub(elsewhere, _USER_INFO.sub(user_info, text))

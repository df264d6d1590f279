"""What every request and answer goes through: no web page of somebody else's may use the API through a browser."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_NAMES = {"localhost", "127.0.0.1", "[::1]"}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Shield:
    """Refuses requests that a page of another origin sends, and, with local_only, those under a name that is not this
    machine's own (such a name can be made to point here, which would get a page around the first rule).

    Answers must not be kept by browsers and proxies, nor be taken for something that they are not.
    """

    def __init__(self, app: ASGIApp, *, local_only: bool) -> None:
        self._app = app
        self._local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        if refusal is not None:
            await JSONResponse({"detail": refusal}, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> str | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "pages of other origins may not use this"
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if self._local_only and name not in _OWN_NAMES:
            return "ask under the name localhost or 127.0.0.1, or make a token and serve with --host"
        return None

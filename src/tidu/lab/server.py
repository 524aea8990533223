"""The server of the lab: the files of the page, an upload, and one socket for each tab, with a `Session` behind it.

Requests of a tab are answered one after the other, each on a worker thread, so that a long one stops no other tab.
When the socket closes, the session and whatever it trains end.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tidu.errors import SettingError, TiduError
from tidu.lab.frames import Reply, frame_of, request_of
from tidu.lab.guard import Guard
from tidu.lab.session import MOST_BYTES, Opened, Session
from tidu.text import _, language, speak_here

PAGE = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
MOST_MESSAGE = 8 * 1024 * 1024  # bytes of one message
MOST_SESSIONS = 32  # tabs at once
TRY_LATER = 1013  # the close code of WebSocket for a server that has too much to do (RFC 6455's registry)


class Guarded:
    """Lets through what the guard trusts, and puts its headers on every answer."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        _empty, _slash, rest = scope["path"].partition("/")
        secret, _slash, _rest = rest.partition("/")
        on_socket = scope["type"] == "websocket"
        needs_origin = on_socket or scope.get("method") != "GET"
        trusted = (
            self.guard.trusts_host(headers)
            and self.guard.knows(secret)
            and self.guard.trusts_origin(headers, needs_origin)
        )
        if not trusted:
            if on_socket:
                await send({"type": "websocket.close", "code": 1008})
                return
            await PlainTextResponse("403", 403, self.guard.headers)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(k.lower().encode(), v.encode()) for k, v in self.guard.headers.items()]
                given = [(k, v) for k, v in message["headers"] if k not in dict(own)]
                message["headers"] = [*given, *own]
            await send(message)

        await self.app(scope, receive, with_headers)


class Lab:
    """The application, with the sessions that are open."""

    def __init__(self, guard: Guard, opened: Opened | None = None) -> None:
        self.guard, self.given = guard, opened or Opened()
        self.language = language()  # in which a page begins
        self.sessions: dict[str, Session] = {}
        base = f"/{guard.secret}"
        self.app = Starlette(
            routes=[
                Route(f"{base}/", self.page),
                Route(f"{base}/upload/{{tab}}", self.upload, methods=["POST"]),
                WebSocketRoute(f"{base}/socket/{{tab}}", self.socket),
                Route(f"{base}/{{path:path}}", self.file),
            ],
            middleware=[Middleware(Guarded, guard=guard)],
        )

    async def page(self, _request: Request) -> Response:
        """The page itself."""
        return FileResponse(PAGE / "index.html", media_type="text/html")

    async def file(self, request: Request) -> Response:
        """A file that the page asks for."""
        try:
            path = (PAGE / request.path_params["path"]).resolve()
            known = path.is_relative_to(PAGE.resolve()) and path.is_file() and path.suffix in KINDS
        except (OSError, ValueError):  # a name that no file can have
            known = False
        if not known:
            return PlainTextResponse("404", 404)
        return FileResponse(path, media_type=KINDS[path.suffix])

    async def upload(self, request: Request) -> Response:
        """A file of data for a tab: read as it comes, up to the limit."""
        session = self.sessions.get(request.path_params["tab"])
        if session is None:
            return JSONResponse({"error": "404"}, 404)
        name = Path(request.query_params.get("name", "")).name[:200] or _("data")
        too_large = JSONResponse(
            {"error": _("the file is larger than {limit} MB; give it to 'tidu fit'").format(limit=MOST_BYTES >> 20)},
            413,
            {"Connection": "close"},  # what is still on its way is not waited for
        )
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > MOST_BYTES:
            return too_large
        with TemporaryFile() as received:  # on disk until it is whole: what is refused takes no memory
            try:
                async for part in request.stream():
                    received.write(part)
                    if received.tell() > MOST_BYTES:
                        return too_large
            except ClientDisconnect:
                return PlainTextResponse("400", 400)

            def read() -> Reply:
                speak_here(session.language)
                received.seek(0)
                try:
                    return session.content(name, received.read())
                except TiduError as error:
                    return Reply({"error": str(error)})

            reply = await asyncio.to_thread(read)
        return JSONResponse(reply.plain, 400 if "error" in reply.plain else 200)

    async def socket(self, websocket: WebSocket) -> None:
        """The requests of one tab, one after the other, until it closes."""
        tab = websocket.path_params["tab"]
        await websocket.accept()
        if len(self.sessions) >= MOST_SESSIONS or tab in self.sessions:
            await websocket.close(TRY_LATER, _("too many pages are open; close one and load this again"))
            return
        session = self.sessions[tab] = Session(self.given)
        session.language = self.language
        coming = asyncio.ensure_future(websocket.receive())
        try:
            while True:
                message = await coming
                if message["type"] == "websocket.disconnect":
                    return
                session.pressed = False
                coming = asyncio.ensure_future(websocket.receive())  # a tab may close while it is answered
                answering = asyncio.ensure_future(self._answer(websocket, session, message.get("text")))
                await asyncio.wait({coming, answering}, return_when=asyncio.FIRST_COMPLETED)
                if coming.done() and coming.result()["type"] == "websocket.disconnect":
                    session.end()
                session.pressed = coming.done()
                await answering
        except (WebSocketDisconnect, RuntimeError):  # it closed while an answer was on its way
            return
        finally:
            coming.cancel()
            del self.sessions[tab]
            session.close()

    @staticmethod
    async def _answer(websocket: WebSocket, session: Session, text: str | None) -> None:
        try:
            if text is None:
                raise SettingError(_("the message is not a JSON object"))
            asked = request_of(text)
        except TiduError as error:
            frame: str | bytes = frame_of(Reply({"error": str(error), "id": None}))
        else:
            frame = await asyncio.to_thread(_answered, session, asked)
        if isinstance(frame, str):
            await websocket.send_text(frame)
        else:
            await websocket.send_bytes(frame)


def _answered(session: Session, asked: dict[str, Any]) -> str | bytes:
    number = asked.get("id")
    try:
        return frame_of(session.answer(asked))
    except Exception as error:  # a mistake of ours ends one request, not the tab
        logging.getLogger(__name__).exception("a request of the lab failed")
        said = _("tidu made a mistake here ({kind}); please report it").format(kind=type(error).__name__)
        return frame_of(Reply({"error": said, "id": number if isinstance(number, int) else None}))


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any that is free.

    Raises
    ------
    SettingError : the port is taken, or there is no such host.
    """
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        raise SettingError(
            _("the lab cannot listen on {host}:{port}: {reason}; choose another --port").format(
                host=host, port=port, reason=reason
            )
        ) from None
    found.listen()
    return found


def serve(lab: Lab, on: socket.socket, ready: Callable[[], Any]) -> None:
    """Serve until Ctrl-C; `ready` is called once the page can be asked for."""
    config = uvicorn.Config(
        lab.app, log_level="critical", ws="websockets-sansio", ws_max_size=MOST_MESSAGE, lifespan="off",
        server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)

    async def told() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(MOST_SESSIONS))  # one for each tab
        task = asyncio.ensure_future(server.serve(sockets=[on]))
        while not server.started and not task.done():
            await asyncio.sleep(0.005)
        if server.started:
            ready()
        await task

    with suppress(KeyboardInterrupt):  # uvicorn raises it once all is closed
        asyncio.run(told())

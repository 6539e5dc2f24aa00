"""Serves an ASGI application from a thread of its own, on the port that was asked for or the next that is free."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.web.app import Check, Page, status_app
from pipeline.web.events import MetricsPortMoved

SERVER = "claims-screening"
"""What our pages call themselves (header `Server`)."""

_NEIGHBOURS = 100
_ASK_S = 2.0
_STOP_S = 5.0


class _Known(HttpToolsProtocol):
    """Tells the application the certificate that a client has shown, as ASGI's TLS extension does (`tls_certificate`)."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        secure = self.transport.get_extra_info("ssl_object")
        shown = None if secure is None else secure.getpeercert(binary_form=True)
        if shown is not None:
            self.scope["extensions"] = {"tls": {"client_cert_chain": (ssl.DER_cert_to_PEM_cert(shown),)}}


def tls_certificate(scope: Scope) -> bytes | None:
    """The certificate (DER) that a client has connected with, signed by an authority that the server trusts; None without one."""
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None


class Server:
    """Serves an application. `port` is the port taken, also when 0 was asked for.

    If another process of ours on this machine has the port, the next free one is taken, and the log says so: several workers run
    side by side without a setting for each. Raises OSError when another program has the port. `tls` are certificate and key;
    what cannot be used of them is an OSError, too. Clients may show a certificate that an authority of `client_ca` has signed.
    With `most`, further connections than so many are answered with 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        tls: tuple[Path, Path] | None = None,
        client_ca: Path | None = None,
        most: int | None = None,
    ) -> None:
        files: dict[str, Any] = {} if tls is None else {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])}
        if client_ca is not None:
            files |= {"ssl_ca_certs": str(client_ca), "ssl_cert_reqs": ssl.CERT_OPTIONAL}
        listening = _listen(host, port)
        self.host = host
        self.port: int = listening.getsockname()[1]
        self.address = f"{'http' if tls is None else 'https'}://{host}:{self.port}"
        if port not in (0, self.port):
            Teller(logger(component="pages"), None).tell(MetricsPortMoved(asked=port, taken=self.port))
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=_Known,
            ws="none",
            lifespan="off",
            log_config=None,  # the process decides where its log goes
            log_level="error",
            access_log=False,  # a scrape every few seconds would drown the events
            server_header=False,
            headers=[("Server", SERVER)],
            timeout_graceful_shutdown=int(_STOP_S) - 1,
            limit_concurrency=most,
            **files,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="status-pages", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops serving."""
        self._server.should_exit = True
        self._thread.join(_STOP_S)


class StatusServer(Server):
    """The pages of a process, served."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        healthy: Check,
        ready: Check,
        pages: dict[str, Page] | None = None,
        home: Page | None = None,
        token: str | None = None,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(status_app(registry, healthy, ready, pages=pages, home=home, token=token), host, port, tls=tls)


def process_pages(
    settings: Settings,
    registry: CollectorRegistry,
    healthy: Check,
    ready: Check,
    home: Page,
    pages: dict[str, Page] | None = None,
) -> StatusServer:
    """The pages of a process where its settings say. Raises SettingsError when others could see them unasked, and OSError."""
    return StatusServer(**settings.pages(), registry=registry, healthy=healthy, ready=ready, pages=pages, home=home)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return _bound(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not _ours(host, port):
            raise
    for other in range(port + 1, min(port + _NEIGHBOURS, 65_535) + 1):
        with contextlib.suppress(OSError):
            return _bound(host, other)
    raise OSError(
        errno.EADDRINUSE, f"processes of ours have port {port}, and no port of the next {_NEIGHBOURS} is free"
    )


def _bound(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128)


def _ours(host: str, port: int) -> bool:
    """Whether the program that has the port is one of ours: its pages say so, and the probe needs no token."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    # Nothing is told to it and little believed: whose certificate it has does not matter.
    secure = http.client.HTTPSConnection(here, port, timeout=_ASK_S, context=ssl._create_unverified_context())
    return _says_so(http.client.HTTPConnection(here, port, timeout=_ASK_S)) or _says_so(secure)


def _says_so(asked: http.client.HTTPConnection) -> bool:
    try:
        asked.request("GET", "/healthz")
        return asked.getresponse().getheader("Server") == SERVER
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()

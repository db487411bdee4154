"""Starting the server."""

import gc
import os
import socket
import sys
from typing import TYPE_CHECKING

from ketaqa.config import Config
from ketaqa.errors import BadSetting
from ketaqa.pipeline import open_index

if TYPE_CHECKING:
    from fastapi import FastAPI

# Gradio reads these from the environment; a deployment must not switch on by accident what the settings leave off
PINNED = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "GRADIO_MCP_SERVER": "False"}


def run(config: Config) -> None:
    """Serve until interrupted. BadIndex when the index can't be read, BadSetting when the address is taken."""
    os.environ.update(PINNED)
    qa = open_index(config=config)
    listener = bound(config.host, config.port)
    print(f"loading the chat ({qa.info.passages} passages)", file=sys.stderr)
    from ketaqa.web.api import create_app

    qa.prepare()
    app = create_app(qa)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"KetaQA: http://{shown}:{port}/chat", file=sys.stderr, flush=True)
    serve(app, listener)


def serve(app: "FastAPI", listener: socket.socket) -> None:
    """Answer what comes to a socket until interrupted."""
    import uvicorn

    # what is here now stays: the collector need not look through the index and the pages again while people wait
    gc.collect()
    gc.freeze()
    # no access log: a search has its question in the address
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
    server.run(sockets=[listener])


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; BadSetting where that can't be."""
    # before the slow imports, so that a taken port is said at once
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # the first connection must not be refused while the pages are being put together
        listener.listen(128)
    except OSError as error:
        raise BadSetting(f"{host}:{port}: can't listen there ({error.strerror}); choose another --port or --host") from error
    return listener

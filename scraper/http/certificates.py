"""Which certificates are trusted, and the TLS context that verifies by them."""

from __future__ import annotations

import os
import ssl

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from scraper.errors import UsageError


def check_certificates(bundle: str) -> None:
    """Raises UsageError for a file of the user's that holds none: no URL could be asked."""
    trusted = _trusted_store(bundle)
    if certifi.where() in trusted.values():
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**trusted)
    except OSError as error:  # ssl.SSLError is one
        where = next(iter(trusted.values()))
        raise UsageError(
            f"{where} holds no certificates that can be read: {error}"
        ) from error


def tls_context(bundle: str, *, verify: bool) -> ssl.SSLContext:
    """A new context; loading the certificates costs more than a request."""
    context = create_urllib3_context()
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        context.load_verify_locations(**_trusted_store(bundle))
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trusted_store(bundle: str) -> dict[str, str]:
    """The user's file or folder, else the environment's, else certifi's."""
    path = (
        bundle
        or os.environ.get("REQUESTS_CA_BUNDLE")
        or os.environ.get("SSL_CERT_FILE")
        or certifi.where()
    )
    if not os.path.exists(path):
        raise UsageError(f"no such file or folder of certificates: {path}")
    return {"capath": path} if os.path.isdir(path) else {"cafile": path}

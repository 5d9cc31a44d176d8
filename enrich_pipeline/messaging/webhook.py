"""Posts a message to a Slack-compatible webhook. The address is a secret: whoever knows it can write to the channel.

Written on the standard library and not on the API client's: that one logs the address of each request.
"""

from __future__ import annotations

import http.client
import json
from http.client import HTTPMessage
from typing import IO, ClassVar
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

from enrich_pipeline.domain.errors import EnrichError

_TIMEOUT_SECONDS = 10.0


class WebhookError(EnrichError):
    """A message was not taken; it names the reason and never the address. It may be posted again."""

    retryable: ClassVar[bool] = True


class _NoRedirects(HTTPRedirectHandler):
    """The address is a secret: it is not carried to wherever an answer points."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow nothing: the redirect is an answer like any other that is no success."""


def post_message(url: SecretStr, text: str, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
    """Post `text` as `{"text": ...}`, which Slack, Mattermost, Discord's /slack and others take.

    Raises:
        WebhookError: when nobody answered, or with anything but success.
    """
    body = json.dumps({"text": text}).encode()
    try:
        # The settings let no other scheme than https through, and http to this machine.
        request = Request(url.get_secret_value(), data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        with build_opener(_NoRedirects).open(request, timeout=timeout_seconds):
            return
    except HTTPError as error:
        status = error.code
        error.close()
        raise WebhookError(f"The alert webhook answered {status}; the message is kept and sent again.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WebhookError(
            f"The alert webhook cannot be reached ({type(error).__name__}); the message is kept and sent again."
        ) from None

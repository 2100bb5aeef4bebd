"""``pair``: a running gateway is asked for a code, which is shown with its picture."""

from __future__ import annotations

from pathlib import Path

import typer

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json
from tradelane.gateway.commands.running import configured
from tradelane.gateway.config import Config

TIMEOUT_S = 10.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""Where a gateway that listens on all addresses is found from its own machine."""


def pair_command(path: Path, subject: str | None, operator: bool, minutes: int, as_json: bool) -> None:
    """Print a code for a member's phone or, as ``operator``, for a desk."""
    config = configured(path)
    role = "operator" if operator else "owner"
    answer = _ask(config, role, subject or (role if operator else None), minutes)
    own = config.public_url or f"http://{config.host}:{config.port}"
    link = own.rstrip("/") + answer["path"]
    if as_json:
        print_json({"code": answer["code"], "link": link, "expires_at": answer["expires_at"]})
        return
    import segno

    segno.make(link, error="m").terminal(compact=True)
    typer.echo(f"Scan the picture, or open {link}\nCode: {answer['code']}  (good once, for {minutes} min)")


def _ask(config: Config, role: str, subject: str | None, minutes: int) -> dict[str, str]:
    import httpx2

    from tradelane.gateway.keys import KeyFileError, load_token

    place = f"http://{EVERYWHERE.get(config.host, config.host)}:{config.port}"
    secret = config.operator_token_file if role == "operator" else config.edge_token_file
    try:
        token = load_token(secret)
        answer = httpx2.post(
            f"{place}/api/v1/pairings/{role}",
            json={"subject": subject, "minutes": minutes},
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
        )
        body = answer.json()
    except KeyFileError as error:
        reason = f"{error}; it is made when the gateway first runs"
        raise CommandFailed(ExitCode.CONFIG, reason) from None
    except (httpx2.HTTPError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise CommandFailed(ExitCode.FAILURE, f"no gateway answers at {place}: {reason}") from None
    if not answer.is_success:
        raise CommandFailed(ExitCode.FAILURE, str(body.get("detail", answer.status_code)))
    return {name: str(body[name]) for name in ("code", "path", "expires_at")}

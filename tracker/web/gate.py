"""Who may come in: the token, its role, its campaigns, and how often it asks.

1. A token is read from the Authorization header alone. One in an address is refused, and no address is ever logged.
2. The order is: who (401), may they (403), too often (429). Whoever is not let in learns nothing else.
3. A revoked token is refused as soon as the registry says so: nothing of an earlier judgement is kept.
"""

from __future__ import annotations

import math
from urllib.parse import parse_qsl

from tracker.ingest.http import AnyRequest, FieldFault, Refused, header
from tracker.web.limits import RateLimit
from tracker.web.parts import ApiParts
from tracker.web.problems import bad_request
from tracker.web.query import names_a_token
from tracker.web.routes import Reach
from tracker.web.tokens import BadToken, Principal, Role, judge

_REALM = 'Bearer realm="tracker"'


class Gate:
    """The door of one API."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._limit = RateLimit(parts.settings.requests_per_minute, parts.settings.burst)

    def admit(self, request: AnyRequest, role: Role, reach: Reach) -> Principal:
        """Who asks, if they may. Raises Refused (401, 403, 429)."""
        now = self._parts.now()
        who = self._who(header(request, "authorization"), now)
        if not who.may(role):
            raise Refused(403, "role", f"this needs the role {role}, the token has {who.role}", headers=_scope(role))
        if reach == "installation" and who.campaigns is not None:
            raise Refused(403, "limited", "this token is limited to campaigns, and this is of the whole installation")
        wait = self._limit.take(who.id, now)
        if wait:
            raise Refused(
                429,
                "too_often",
                f"this token may ask {self._parts.settings.requests_per_minute} times a minute",
                headers={"Retry-After": str(math.ceil(wait / 1000))},
            )
        return who

    def _who(self, authorization: str | None, now: int) -> Principal:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused(
                401,
                "no_token",
                "a bearer token is needed: make one with `tracker token create`, send it as `Authorization: Bearer …`",
                headers={"WWW-Authenticate": _REALM},
            )
        try:
            return judge(token.strip(), self._parts.definitions.tokens, now)
        except BadToken as error:
            challenge = f'{_REALM}, error="invalid_token"'
            raise Refused(401, "bad_token", error.reason, headers={"WWW-Authenticate": challenge}) from error


def _scope(role: Role) -> dict[str, str]:
    return {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{role}"'}


def refuse_token_in_address(path: str, query: bytes) -> None:
    """Raises Refused (400): an address ends up in logs and histories, so a token there is lost."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if "trk_" in path or any(names_a_token(name, value) for name, value in pairs):
        raise bad_request(
            "token_in_address",
            "a token in an address is not accepted: send it as `Authorization: Bearer …`. If it was a real one, revoke "
            "it (tracker token revoke) and make another: addresses are written down in many places",
            FieldFault("address", "holds a token"),
        )

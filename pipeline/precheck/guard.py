"""Who may ask, and how much: tokens and certificates by institution, of which only hashes are kept, and a rate for each."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pipeline.precheck.events import TokensRead, TokensUnreadable
from pipeline.settings.model import SettingsError
from pipeline.telemetry.events import Teller
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from topics.normalisation import normal_code

_HASH = re.compile(r"(?:sha256|certificate-sha256):[0-9a-f]{64}")
_OF_TOKEN, _OF_CERTIFICATE = "sha256:", "certificate-sha256:"
_LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `institutions` are those of the token; None: everybody may ask about all."""

    name: str
    institutions: frozenset[str] | None

    def may_see(self, institution: str) -> bool:
        """Whether claims and physicians of an institution are the caller's own."""
        return self.institutions is None or normal_code(institution) in self.institutions


ANYBODY = Caller("anybody", None)


def new_token(institutions: str) -> tuple[str, str]:
    """A new token, and the line of the file of tokens that lets it in. Raises ValueError for codes that are none."""
    codes = _codes(institutions)
    token = secrets.token_urlsafe(32)
    return token, f"{','.join(codes)} sha256:{_hash(token)}"


def read_tokens(path: Path) -> dict[str, Caller]:
    """The callers of a file by the hash of their token or certificate. Raises SettingsError that names every line that is wrong.

    A line has the codes of institutions with commas between, a blank, and `sha256:` with the hash of the token or
    `certificate-sha256:` with the fingerprint of the certificate, with colons or without; what follows `#` is a note.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"SCREENING_PRECHECK_TOKENS_FILE: {path}: {error}") from None
    found: dict[str, Caller] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        key = _key(words[1]) if len(words) == 2 else ""
        if not _HASH.fullmatch(key):
            wrong.append(
                f"line {number}: expected INSTITUTION[,INSTITUTION...] sha256:HASH, or certificate-sha256:FINGERPRINT"
            )
            continue
        if key in found:
            wrong.append(f"line {number}: this token or certificate stands in the file twice")
            continue
        try:
            codes = _codes(words[0])
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        found[key] = Caller(codes[0] if len(codes) == 1 else f"{codes[0]}+{len(codes) - 1}", frozenset(codes))
    if not found and not wrong:
        wrong.append("there is no token in it; `screening precheck --new-token INSTITUTION` makes one")
    if wrong:
        raise SettingsError("\n".join(f"SCREENING_PRECHECK_TOKENS_FILE: {path}: {one}" for one in wrong))
    return found


class Tokens:
    """The tokens of a file, read again when it changes; without a file everybody is let in."""

    def __init__(
        self, path: Path | None, teller: Teller[PrecheckMetrics], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises SettingsError."""
        self._path, self._teller, self._clock = path, teller, clock
        self._known: dict[str, Caller] = {}
        self._seen: object = None
        self._due = 0.0
        if path is not None:
            self._seen = self._state(path)
            self._known = read_tokens(path)
            teller.tell(TokensRead(len(self._known)))

    def caller(self, authorization: str, certificate: bytes | None = None) -> Caller | None:
        """Who connects with this certificate (DER) or carries this header `Authorization`; None: nobody who is known.

        A token says more than a certificate: it may be of one institution of a group whose systems connect alike.
        """
        if self._path is None:
            return ANYBODY
        self._look(self._path)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self._known.get(_OF_TOKEN + _hash(token.strip()))
        return None if certificate is None else self._known.get(_OF_CERTIFICATE + sha256(certificate).hexdigest())

    def _look(self, path: Path) -> None:
        if self._clock() < self._due:
            return
        self._due = self._clock() + _LOOK_EVERY_S
        state = self._state(path)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._known = read_tokens(path)
        except SettingsError as error:
            self._teller.tell(TokensUnreadable(str(error)))
        else:
            self._teller.tell(TokensRead(len(self._known)))

    @staticmethod
    def _state(path: Path) -> object:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _codes(text: str) -> list[str]:
    codes = [normal_code(code) for code in text.split(",")]
    if not all(codes):
        raise ValueError(f"expected codes of institutions with commas between, found {text!r}")
    return codes


def _key(told: str) -> str:
    kind, _, rest = told.partition(":")
    return f"{kind}:{rest.replace(':', '').lower()}" if f"{kind}:" == _OF_CERTIFICATE else told


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()

"""Signed tokens that carry a session: what itsdangerous writes and reads, with less work for each.

Rule: what is refused here is refused by itsdangerous as well, and its error is the one raised.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from hmac import compare_digest
from types import BuiltinFunctionType
from typing import Any

from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import int_to_bytes, want_bytes
from itsdangerous.signer import HMACAlgorithm, Signer
from itsdangerous.url_safe import URLSafeSerializerMixin

Sign = Callable[[bytes], bytes]

# base64url, without padding (RFC 4648 §5).
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")

# Up to how many bytes a text is looked at before zlib.compress is asked.
_TINY = 32
# RFC 1950 §2.2: how zlib.compress begins, which says how large its window is.
_HEADER = b"\x78\x9c"
# What zlib keeps free of a window, less one byte; the largest window with anything to gain.
_LOOKAHEAD = 261
_LARGEST_WINDOW = 13
# Up to how many bytes every place with the same hash is looked at, so that a smaller table of
# hashes, in which more of them are the same, makes no difference.
_CHAIN = 34


def _longest_incompressible(kinds: int) -> int:
    """Return up to how many bytes of so many kinds no compressor makes shorter by two bytes.

    zlib adds 6 bytes (RFC 1950). A block has each kind once at least and an end. In the fixed code
    (RFC 1951 §3.2.6) that is 8 bits for each kind and 10 more; in a code of its own (§3.2.7) it is
    what Kraft's inequality leaves, half a bit for each length in the code, and 29 more.
    """
    symbols = kinds + 1
    bits = min(10 + 8 * kinds, 29 + symbols / 2 + symbols * math.log2(symbols))
    return 6 + math.ceil(bits / 8) + 1


_INCOMPRESSIBLE = [_longest_incompressible(kinds) for kinds in range(_TINY + 1)]


def lazy_sha1(string: bytes = b"") -> Any:
    """Make a SHA-1 hash; FIPS builds have none, so it is not looked up before it is used."""
    return hashlib.sha1(string)  # noqa: S324  # in an HMAC; what Flask's cookies are signed with


def encode(raw: bytes) -> bytes:
    """Write bytes as base64url without padding."""
    return b2a_base64(raw).translate(_TO_URL, b"=\n")


def decode(text: bytes) -> bytes:
    """Read base64url without padding; ValueError if it is none."""
    return a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) & 3])


def pack(raw: bytes) -> bytes:
    """Write bytes as base64url; compressed, with a dot before them, if that is shorter."""
    # PERF: what is short has nothing to gain: 0.4 us instead of 2.5 us (benchmarks/shortcuts.py).
    if len(raw) > _TINY or len(raw) > _INCOMPRESSIBLE[len(set(raw))]:
        compressed = compress(raw)
        if len(compressed) < len(raw) - 1:
            return b"." + encode(compressed)
    return encode(raw)


def compress(raw: bytes) -> bytes:
    """Do what zlib.compress does."""
    # PERF: it has 256 KB of tables, which many a process gets anew from the system each time. What
    # is in a window that holds all of the text, is found in the same way: 45 us instead of 60 us
    # for a request that saves a session of 230 bytes in such a process (benchmarks/inprocess.py).
    window = (len(raw) + _LOOKAHEAD).bit_length()
    if window > _LARGEST_WINDOW:
        return zlib.compress(raw)
    compressor = zlib.compressobj(wbits=window, memLevel=1 if len(raw) <= _CHAIN else 8)
    return _HEADER + (compressor.compress(raw) + compressor.flush())[2:]


def may_hold(token: str, key: bytes) -> bool:
    """Say whether the content of a token that nobody has verified may have a key of JSON in it."""
    try:
        raw = decode(token.partition(".")[0].encode())
    except ValueError:
        return True  # is not for here to say
    # SECURITY: what is compressed, before which is a dot, is not looked at before it is verified.
    return not raw or key in raw or b"\\u" in raw


class CanonicalSigner(TimestampSigner):
    """A TimestampSigner that derives each key once and knows one spelling of a signature.

    It is used for as long as keys and options stay the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._derived: dict[bytes, bytes] = {}
        # What signs with each of secret_keys, the newest first.
        self._signs: list[Sign] = []
        # The last second something was signed in, as it is written.
        self._stamp = (-1, b"")

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """Derive the key to sign with from a secret key; from the newest if None."""
        secret = self.secret_keys[-1] if secret_key is None else want_bytes(secret_key)
        key = self._derived.get(secret)
        if key is None:
            key = self._derived[secret] = super().derive_key(secret)
        return key

    @property
    def signs(self) -> list[Sign]:
        """What signs with each of the keys, the newest first."""
        if not self._signs:
            # Not when it is made: a hash that this Python lacks is an error once it is used.
            keys = map(self.derive_key, reversed(self.secret_keys))
            self._signs = [_signing(self.algorithm, key) for key in keys]
        return self._signs

    def get_signature(self, value: str | bytes) -> bytes:
        """Return the signature by the newest key."""
        return encode(self.signs[0](want_bytes(value)))

    def sign(self, value: str | bytes) -> bytes:
        """Append the time and the signature."""
        now_s = self.get_timestamp()
        stamp_s, stamp = self._stamp
        if stamp_s != now_s:
            stamp = encode(int_to_bytes(now_s))
            self._stamp = (now_s, stamp)
        stamped = b"%b.%b" % (want_bytes(value), stamp)
        return b"%b.%b" % (stamped, encode((self._signs or self.signs)[0](stamped)))

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        """Say whether it is the signature, spelt as get_signature spells it, by any key."""
        return self.is_signed(want_bytes(value), want_bytes(sig))

    def is_signed(self, value: bytes, signature: bytes) -> bool:
        """Say the same of bytes."""
        # SECURITY: what base64 decodes to the same bytes is refused: spare bits in the last
        # character, padding, foreign characters. One token would have many spellings.
        for sign in self._signs or self.signs:
            if compare_digest(encode(sign(value)), signature):
                return True
        return False


def _signing(algorithm: Any, key: bytes) -> Sign:
    """Return what signs with a key as the algorithm does, HMAC if it is nothing special."""
    method = algorithm.digest_method if type(algorithm) is HMACAlgorithm else None
    if method is lazy_sha1:
        method = hashlib.sha1
    if not isinstance(method, BuiltinFunctionType):
        return lambda value: algorithm.get_signature(key, value)
    # RFC 2104 §2: H(K XOR opad, H(K XOR ipad, text)).
    # PERF: for each HMAC OpenSSL looks a hash up by its name, and hashes the key twice: 0.7 us
    # instead of 1.5 us (benchmarks/shortcuts.py).
    length = method().block_size
    padded = (key if len(key) <= length else method(key).digest()).ljust(length, b"\0")
    begin_inner = method(bytes(byte ^ 0x36 for byte in padded)).copy
    begin_outer = method(bytes(byte ^ 0x5C for byte in padded)).copy

    def sign(value: bytes) -> bytes:
        inner, outer = begin_inner(), begin_outer()
        inner.update(value)
        outer.update(inner.digest())
        return outer.digest()  # type: ignore[no-any-return]  # of a hash

    return sign


class KeptSerializer(URLSafeTimedSerializer):
    """A URLSafeTimedSerializer that makes its signer once and takes the short way to a token."""

    def __init__(
        self,
        secret_keys: tuple[str | bytes, ...],
        salt: str,
        serializer: Any,
        key_derivation: str,
        digest_method: Callable[..., Any],
    ) -> None:
        super().__init__(
            secret_keys,  # type: ignore[arg-type]  # str and bytes may be mixed
            salt=salt,
            serializer=serializer,
            signer=CanonicalSigner,
            signer_kwargs={"key_derivation": key_derivation, "digest_method": digest_method},
        )
        self._signer: Any = super().make_signer()

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        """Return the signer; a new one for another salt."""
        if salt is None or salt == self.salt:
            return self._signer  # type: ignore[no-any-return]  # is one
        return super().make_signer(salt)

    def dumps(self, obj: Any, salt: str | bytes | None = None) -> Any:
        """Write content as a token: str, or bytes if the serializer writes bytes."""
        signed = self.make_signer(salt).sign(self.dump_payload(obj))
        return signed.decode() if self.is_text_serializer else signed

    def dump_payload(self, obj: Any) -> bytes:
        """Write content as base64url, compressed if that is shorter."""
        return pack(want_bytes(self.serializer.dumps(obj)))

    def load_payload(
        self, payload: bytes, *args: Any, serializer: Any = None, **kwargs: Any
    ) -> Any:
        """Read what dump_payload wrote; BadPayload if it is nothing of the kind."""
        is_compressed = payload[:1] == b"."
        try:
            raw = decode(payload[1:] if is_compressed else payload)
            if is_compressed:
                raw = zlib.decompress(raw)
        except (ValueError, zlib.error):
            # It fails there as well, with the error to be raised.
            return super().load_payload(payload, *args, serializer=serializer, **kwargs)
        if serializer is None and self.is_text_serializer:
            try:
                return self.serializer.loads(raw.decode())
            except Exception:  # noqa: BLE001, S110  # it fails once more, as a BadPayload
                pass
        return super(URLSafeSerializerMixin, self).load_payload(raw, serializer)

    def loads(  # type: ignore[override]  # as TimedSerializer's
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        """Return the content of a token; BadSignature if it is forged or too old.

        max_age: in seconds. return_timestamp: return (content, datetime).
        """
        if salt is None and not return_timestamp:
            payload = self._verify(want_bytes(s), max_age)
            if payload is not None:
                return self.load_payload(payload)
        return super().loads(s, max_age, return_timestamp, salt)

    def _verify(self, token: bytes, max_age: int | None) -> bytes | None:
        """Return the payload of a token; None if there is anything wrong with the token."""
        signer = self._signer
        stamped, _, signature = token.rpartition(b".")
        payload, _, stamp = stamped.rpartition(b".")
        # Six characters: 4 bytes, any second up to the year 2106.
        if len(stamp) != 6 or not signer.is_signed(stamped, signature):
            return None
        try:
            signed_s = int.from_bytes(decode(stamp), "big")
        except ValueError:
            return None
        if max_age is not None and not 0 <= signer.get_timestamp() - signed_s <= max_age:
            return None
        return payload

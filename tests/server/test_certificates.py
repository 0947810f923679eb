"""A certificate is read with its key, and refused for what a client would refuse it for."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)


def write(folder: Path, until: dt.datetime, since: dt.datetime | None = None) -> Path:
    """Write cert.pem, with its chain, and key.pem."""
    issued = trustme.CA().issue_cert("shop.example", not_before=since, not_after=until)
    folder.mkdir(exist_ok=True)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for part in issued.cert_chain_pems:
        part.write_to_path(folder / "cert.pem", append=True)
    return folder


def read(certificate: Path, key: Path) -> float:
    from kolben.server.certificates import read_expiry

    return read_expiry(str(certificate / "cert.pem"), str(key / "key.pem"))


def test_it_is_valid_until_its_end(tmp_path: Path) -> None:
    folder = write(tmp_path, NOW + 40 * DAY)
    assert (NOW + 40 * DAY).timestamp() == read(folder, folder)


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        (NOW - 9 * DAY, NOW - DAY, "certificate has expired"),
        (NOW + DAY, NOW + 9 * DAY, "certificate is not yet valid"),
    ],
    ids=["over", "not begun"],
)
def test_one_that_is_not_valid_now_is_refused(
    tmp_path: Path, since: dt.datetime, until: dt.datetime, reason: str
) -> None:
    folder = write(tmp_path, until, since)
    with pytest.raises(ssl.SSLCertVerificationError) as failure:
        read(folder, folder)
    # OpenSSL 3.6 says more.
    assert failure.value.verify_message.startswith(reason)


def test_a_key_of_another_is_refused(tmp_path: Path) -> None:
    one, other = (write(tmp_path / name, NOW + DAY) for name in ("one", "other"))
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        read(one, other)


def test_files_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path, tmp_path)

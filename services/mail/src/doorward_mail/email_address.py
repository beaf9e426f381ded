"""Email addresses in the form that SMTP takes."""

import re
from typing import Final

import idna

# Atoms of RFC 5322 and, beyond ASCII, of RFC 6532. No account has a quoted local part.
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u00a1-\ud7ff\ue000-\U0010ffff]+")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class InvalidAddressError(ValueError):
    """The text is not an address that mail can be sent to."""


def envelope_address(address: str) -> str:
    """Return an address with its domain in ASCII (IDNA) and its local part as typed.

    Raises InvalidAddressError, whose text does not quote the address.
    """
    local, _, domain = address.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or not local.isprintable():
        raise InvalidAddressError("not an address that mail can be sent to")
    return f"{local}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return a domain in ASCII, by the rules of UTS 46 and IDNA 2008; raises InvalidAddressError.

    The standard library's codec is IDNA 2003: it maps `straße.example` to `strasse.example`, another
    owner's domain.
    """
    try:
        found = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        found = ""
    if not _DOMAIN.fullmatch(found):
        raise InvalidAddressError("not a domain that mail can be sent to")
    return found

"""Certificates for tests, valid for an hour on localhost."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.loopback import LOOPBACK


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate: `pem` has certificate and key (what HAProxy reads)."""

    pem: Path
    authority: Path

    def client_context(self) -> ssl.SSLContext:
        """Return a client's TLS settings that trust this certificate and no other."""
        return ssl.create_default_context(cafile=str(self.authority))


def self_signed(folder: Path, *more: str) -> Certificate:
    """Write a new key and certificate for localhost, LOOPBACK and `more` names into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    hosts = [x509.DNSName(host) for host in ("localhost", *more)]
    names = [*hosts, x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    made = Certificate(pem=folder / "edge.pem", authority=folder / "authority.pem")
    made.authority.write_bytes(public)
    made.pem.touch(mode=0o600)
    made.pem.write_bytes(public + private)
    return made

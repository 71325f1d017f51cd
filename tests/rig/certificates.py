"""Certificates for tests: an authority, and what it signs, made with openssl."""

import os
import pathlib
import ssl
import subprocess


class Certificates:
    """Everything lies in one folder; each certificate is a pair of files (certificate, key)."""

    def __init__(self, folder, name="authority"):
        self.folder = pathlib.Path(folder)
        self.authority = self._make(name, f"/CN=Test {name}", [])

    def of(self, device, issuer=None):
        """For a client: its name is the subject; without an issuer it signs itself."""
        return self._make(device, f"/CN={device}", self._end_entity(issuer))

    def server(self, name, alternative="IP:127.0.0.1"):
        """For a server at the loopback address, or with another subject alternative name."""
        extension = ["-addext", f"subjectAltName={alternative}"]
        return self._make(name, f"/CN={name}", self._end_entity(self.authority) + extension)

    def context(self, name, alternative="IP:127.0.0.1"):
        """What a server with such a certificate needs for TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server(name, alternative))
        return context

    @staticmethod
    def _end_entity(issuer):
        signed = ["-CA", issuer[0], "-CAkey", issuer[1]] if issuer else []
        return signed + ["-addext", "basicConstraints=critical,CA:FALSE"]

    def _make(self, name, subject, arguments):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            + ["-nodes", "-days", "2", "-subj", subject, "-out", certificate, "-keyout", key]
            + arguments,
            check=True,
            capture_output=True,
        )
        os.chmod(key, 0o600)
        return certificate, key

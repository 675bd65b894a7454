"""A certificate for a server in a test."""

import subprocess


def self_signed(folder, name):
    """Creates a key and a self-signed certificate for 127.0.0.1; returns the paths of both."""
    key, certificate = f"{folder}/{name}.key", f"{folder}/{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key, certificate

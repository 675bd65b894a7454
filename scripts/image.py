"""Writes the image of the Dockerfile as an OCI layout; see scripts/image.

The labels, user, ports and command are those of the Dockerfile's last stage. The variables VERSION, REVISION and SOURCE replace its
arguments; SOURCE_DATE_EPOCH is the time of all files.
"""

import argparse
import datetime
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import stat
import string
import struct
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])
CREATED = datetime.datetime.fromtimestamp(EPOCH, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ARCHITECTURES = {62: "amd64", 183: "arm64"}


def fail(message):
    sys.exit(f"image: {message}")


def program(path):
    """The architecture of an ELF program and the path of its loader."""
    data = path.read_bytes() if path.is_file() else fail(f"{path} is not a file")
    if data[:6] != b"\x7fELF\x02\x01" or (architecture := ARCHITECTURES.get(struct.unpack_from("<H", data, 18)[0])) is None:
        fail(f"{path} is not a Linux program for amd64 or arm64")
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for at in range(start, start + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", data, at)
        if kind == 3:  # PT_INTERP
            return architecture, data[offset : offset + length].rstrip(b"\0").decode()
    return fail(f"{path} has no loader; it must be linked dynamically, so that libssl comes from the base")


def settings():
    """The configuration of the Dockerfile's last stage."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    last = re.split(r"^FROM .*$", text, flags=re.M)[-1]
    arguments, config = {}, {"Labels": {}, "ExposedPorts": {}}
    for name, value in re.findall(r"^([A-Z]+) +(.*)$", last, re.M):
        if name == "ARG":
            key, _, default = value.partition("=")
            arguments[key] = os.environ.get(key) or default
            continue
        value = string.Template(value).safe_substitute(arguments)
        if name == "LABEL":
            config["Labels"] |= dict(pair.split("=", 1) for pair in shlex.split(value))
        elif name == "USER":
            config["User"] = value
        elif name == "EXPOSE":
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in value.split()}
        elif name in ("ENTRYPOINT", "CMD"):
            config[name.capitalize()] = json.loads(value)
        elif name != "COPY":
            fail(f"Dockerfile: the instruction {name} of the last stage is not supported here")
    return config


class Archive:
    """A layer: files in the order of their names, of root, with one time."""

    def __init__(self):
        self.data = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.data, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, path, name, mode=None):
        entry = self.tar.gettarinfo(path, name)
        if entry is None or not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()):
            fail(f"{path} is not a file, directory or link")
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = EPOCH
        entry.mode = stat.S_IMODE(entry.mode) if mode is None else mode
        if entry.isreg():
            with path.open("rb") as file:
                self.tar.addfile(entry, file)
        else:
            self.tar.addfile(entry)

    def bytes(self):
        self.tar.close()
        return self.data.getvalue()


def files(directory):
    """A base that is a directory, as one layer."""
    archive = Archive()
    for path in sorted(directory.rglob("*"), key=lambda path: path.relative_to(directory).as_posix()):
        archive.add(path, path.relative_to(directory).as_posix())
    return archive.bytes()


def added(binary):
    """The layer with the program and the licences."""
    archive = Archive()
    notices = binary.with_name("THIRD-PARTY")
    licences = [path for path in (ROOT / "LICENSE", notices) if path.is_file()]
    for name in ["usr", "usr/bin"]:
        archive.add(ROOT, name, 0o755)
    archive.add(binary, "usr/bin/playbook", 0o555)
    for name in ["usr/share", "usr/share/doc", "usr/share/doc/playbook"]:
        archive.add(ROOT, name, 0o755)
    for path in licences:
        archive.add(path, f"usr/share/doc/playbook/{path.name}", 0o444)
    return archive.bytes()


class Layout:
    """An OCI layout that is read or written."""

    def __init__(self, directory):
        self.directory = directory

    def read(self, descriptor):
        digest = descriptor["digest"]
        data = (self.directory / "blobs" / digest.replace(":", "/")).read_bytes()
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            fail(f"{self.directory}: the file of {digest} has another digest")
        return data

    def write(self, data, kind, **more):
        digest = hashlib.sha256(data).hexdigest()
        (self.directory / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)} | more

    def write_json(self, value, kind, **more):
        return self.write(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), kind, **more)

    def manifests(self, index=None):
        """The manifests of all platforms: pairs of a descriptor and a manifest."""
        for descriptor in (index or json.loads((self.directory / "index.json").read_bytes()))["manifests"]:
            value = json.loads(self.read(descriptor))
            if "manifests" in value:
                yield from self.manifests(value)
            elif "layers" in value:
                yield descriptor, value


def base(places, architecture, loader):
    """The layers (bytes, media type), their digests before compression, the configuration and the digest of the base of a platform."""
    found = []
    for place in places:
        if not place.startswith("oci:"):
            directory = pathlib.Path(place)
            if not directory.is_dir():
                fail(f"--base {place} is not a directory; use a directory, or oci:LAYOUT")
            path = directory / loader.lstrip("/")
            # A link of the base points into the base.
            if path.exists() or path.is_symlink():
                return [(compressed := compress(data := files(directory)), LAYER)], [sha256(data)], {}, sha256(compressed)
            found.append(f"{place} has no {loader}")
            continue
        layout = Layout(pathlib.Path(place.removeprefix("oci:")))
        if not (layout.directory / "index.json").is_file():
            fail(f"--base {place}: {layout.directory} is not an OCI layout; it has no index.json")
        for descriptor, manifest in layout.manifests():
            config = json.loads(layout.read(manifest["config"]))
            if config.get("architecture") == architecture:
                layers = [(layout.read(layer), layer["mediaType"]) for layer in manifest["layers"]]
                return layers, config["rootfs"]["diff_ids"], config.get("config", {}), descriptor["digest"]
            found.append(f"{place} has linux/{config.get('architecture')}")
    return fail(f"no --base for linux/{architecture}: {'; '.join(found)}")


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compress(data):
    # gzip and not zlib, whose output differs between its versions.
    environment = {name: value for name, value in os.environ.items() if name != "GZIP"}
    return subprocess.run(["gzip", "-n"], input=data, stdout=subprocess.PIPE, check=True, env=environment).stdout


def image(layout, places, binary):
    """Writes the image of one platform, and returns its descriptor."""
    architecture, loader = program(binary)
    layers, digests, inherited, digest = base(places, architecture, loader)
    data = added(binary)
    layers.append((compress(data), LAYER))
    digests.append(sha256(data))
    own = settings()
    config = {
        "architecture": architecture, "os": "linux", "created": CREATED,
        "config": inherited | own | {
            "Labels": inherited.get("Labels", {}) | own["Labels"],
            "Env": inherited.get("Env") or [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
            ],
        },
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": [{"created": CREATED, "created_by": "base"} for _ in digests[1:]] + [{"created": CREATED, "created_by": "scripts/image"}],
    }
    manifest = {
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": layout.write_json(config, CONFIG),
        "layers": [layout.write(layer, kind) for layer, kind in layers],
        "annotations": own["Labels"] | {"org.opencontainers.image.base.digest": digest, "org.opencontainers.image.created": CREATED},
    }
    return layout.write_json(manifest, MANIFEST, platform={"architecture": architecture, "os": "linux"})


def main():
    parser = argparse.ArgumentParser(prog="scripts/image", description="Writes the image of the Dockerfile as an OCI layout, without Docker.")
    parser.add_argument("--base", action="append", required=True, help="directory with the files of one platform, or oci:LAYOUT; can be repeated")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="directory to write; an OCI layout in it is replaced")
    parser.add_argument("--tag", default=os.environ["VERSION"], help="name of the image in the layout; the version by default")
    parser.add_argument("binary", nargs="+", type=pathlib.Path, help="program, one per platform")
    words = parser.parse_args()
    if words.output.exists() and any(words.output.iterdir()) and not (words.output / "oci-layout").is_file():
        fail(f"--output {words.output} exists and is not an OCI layout; use another directory")
    platforms = [program(binary)[0] for binary in words.binary]
    if len(set(platforms)) < len(platforms):
        fail(f"two programs are for the same platform: {', '.join(platforms)}")

    new = words.output.with_name(words.output.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "blobs/sha256").mkdir(parents=True)
    layout = Layout(new)
    images = [image(layout, words.base, binary) for _, binary in sorted(zip(platforms, words.binary, strict=True))]
    index = layout.write_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}, INDEX)
    (new / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    named = index | {"annotations": {"org.opencontainers.image.ref.name": words.tag}}
    (new / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}, sort_keys=True))
    shutil.rmtree(words.output, ignore_errors=True)
    new.rename(words.output)
    print(index["digest"])


main()

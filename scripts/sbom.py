"""Writes the SPDX document of a release binary; see scripts/sbom.

usage: sbom.py VERSION BINARY MAP DOCUMENT LICENCES

The linker's map names every file with a part in the binary. Such a file belongs to this project, to the Swift toolchain or to a Debian
package. The libraries that are loaded at run time are the binary's NEEDED entries.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

version, binary, linkage, document, licences = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
# By source package, without the version in its name. Debian's copyright files are for people.
LICENCES = {
    "gcc": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "glibc": "LGPL-2.1-or-later",
    "libyaml": "MIT",
    "openssl": "Apache-2.0",
    "swift": "Apache-2.0 WITH Swift-exception",
}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def licence(name, source):
    try:
        return LICENCES[re.sub(r"-\d+$", "", source)]
    except KeyError:
        sys.exit(f"sbom: {name} is linked, but the licence of its source package {source} is not known; add it to LICENCES in scripts/sbom.py")


def owner(path):
    """The Debian package of a file: its name, version and copyright file."""
    for name in [path, os.path.realpath(path), path.removeprefix("/usr")]:
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            break
    else:
        sys.exit(f"sbom: {path} is linked, but no Debian package contains it")
    name = found.stdout.split(": ")[0].split(":")[0]
    fields = output("dpkg-query", "-W", "-f", "${Version}\t${Architecture}\t${source:Package}\n", name).splitlines()[0]
    number, architecture, source = fields.split("\t")
    return {
        "name": name, "versionInfo": number, "supplier": "Organization: Debian", "licenseDeclared": licence(name, source),
        "purl": f"pkg:deb/debian/{name}@{number.replace('+', '%2B')}?arch={architecture}", "text": f"/usr/share/doc/{name}/copyright",
    }


def swift(toolchain):
    number = re.search(r"Swift version ([\d.]+)", output("swift", "--version"))[1]
    return {
        "name": "swift", "versionInfo": number, "supplier": "Organization: Swift.org", "licenseDeclared": licence("swift", "swift"),
        "purl": f"pkg:github/swiftlang/swift@swift-{number}-RELEASE", "text": f"{toolchain}/share/swift/LICENSE.txt",
    }


toolchain = pathlib.Path(os.path.realpath(shutil.which("swiftc"))).parent.parent
build = str(pathlib.Path(".build").resolve())
packages = {}
for path in sorted(set(re.findall(r" (/[^ ()]+\.(?:a|o|so))[(:]", linkage.read_text(errors="replace")))):
    path = os.path.normpath(path)
    if path.startswith(tuple(f"{toolchain}/lib/{name}/" for name in ["swift", "swift_static", "clang"])):
        packages.setdefault("swift", ("STATIC_LINK", swift(toolchain)))
    elif not path.startswith(build):
        package = owner(path)
        packages.setdefault(package["name"], ("STATIC_LINK", package))
for path in re.findall(r"=> (/\S+)", output("ldd", str(binary))):
    package = owner(path)
    packages.setdefault(package["name"], ("DYNAMIC_LINK", package))
if "swift" not in packages or "libyaml-dev" not in packages:
    sys.exit(f"sbom: {linkage} does not list the Swift runtime and libyaml; it is not the map of this binary")

digest = hashlib.sha256(binary.read_bytes()).hexdigest()
created = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)


def entry(name, purpose, **fields):
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "primaryPackagePurpose": purpose,
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": fields["licenseDeclared"], "copyrightText": "NOASSERTION",
    } | fields


entries = [entry(
    "playbook", "APPLICATION", versionInfo=version, licenseDeclared="Apache-2.0", packageFileName="playbook",
    checksums=[{"algorithm": "SHA256", "checksumValue": digest}])]
relationships = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-playbook")]
texts = []
for _, (kind, package) in sorted(packages.items()):
    purl, text = package.pop("purl"), package.pop("text")
    entries.append(entry(package.pop("name"), "LIBRARY", **package, externalRefs=[
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]))
    relationships.append(("SPDXRef-playbook", kind, entries[-1]["SPDXID"]))
    if kind == "STATIC_LINK":
        texts.append(f"{entries[-1]['name']} {package['versionInfo']} is linked into this program.\n\n{pathlib.Path(text).read_text()}")
document.write_text(json.dumps({
    "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "dataLicense": "CC0-1.0", "name": f"playbook-{version}",
    "documentNamespace": f"https://playbook.superinc.com/spdx/playbook-{version}-{digest}",
    "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: scripts/sbom"]},
    "packages": entries,
    "relationships": [
        {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right} for left, kind, right in relationships
    ],
}, indent=2) + "\n")
licences.write_text(f"\n{'-' * 80}\n\n".join(texts))

"""Checks links and anchors of the pages, and that the commands, paths, settings, versions and metrics in them exist.

The commands of docs/start.md and README.md are run, and their output is compared.

usage: links.py BINARY
       links.py BINARY apply -f FILE, which stands for `kubectl apply` with the webhook
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import yaml

BINARY = pathlib.Path(sys.argv[1]).resolve()
# Pages that describe earlier versions name settings and metrics that no longer exist.
HISTORY = {"CHANGELOG.md", "docs/upgrading.md"}
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)")
# A path of the repository. Capital letters stand for a name, and * matches any.
PATH = re.compile(r"(?<![\w./-])(?:scripts|deploy|docs|Sources|Tests|Fuzz|certs|components|\.ci)/[\w./*-]*[\w*]")
# A version of another product that must be one of those in VERSIONS' files.
VERSION = re.compile(r"Swift \d+\.\d+|glibc \d+\.\d+|Ubuntu \d+\.\d+|Debian \d+|tested with \d+\.\d+")
PLACEHOLDER = re.compile(r"[/-][A-Z]{3,}\b|…")
# The type of the Secret with the server's certificate, and an address.
NO_ANNOTATIONS = {"certificates", "docs"}
ANNOTATIONS = {"exempt", "exempt-reason", "exempt-until", "level", "enforced-since"}
SHELLS = {"sh", "console", "bash", "shell"}
# The commands and flags of other programs that pages may use. A command in a sentence can be without its second word.
COMMANDS = {
    "kubectl": {"annotate": "", "apply": "edit-last-applied", "auth": "can-i", "create": "deployment job namespace", "delete": "",
                "describe": "", "edit": "", "get": "", "kustomize": "", "label": "", "logs": "", "patch": "", "replace": "",
                "rollout": "restart status undo", "top": "", "wait": ""},
    "helm": {"dependency": "build", "install": "", "rollback": "", "template": "", "test": "", "uninstall": "", "upgrade": ""},
}
# With `=`, the flag takes the next word as its value.
FLAGS = {
    "kubectl": """--all --all-namespaces --as= --cascade= --context= --dry-run --filename= --for= --force --from= --ignore-not-found
        --image= --namespace= --output= --patch-file= --raw= --subresource= --tail= --timeout= --type= -A -f= -k= -l= -n= -o= -p=""",
    "helm": "--atomic --install --namespace= --values= --wait -n= -f=",
}


def run(*arguments):
    result = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env={}, check=True)
    return result.stdout


class Program:
    """The names that the program knows."""

    def __init__(self):
        commands = re.findall(r"^  ([a-z]+)", run("--help"), re.MULTILINE)
        self.flags = {name: self.flags_of(run(name, "--help")) for name in commands}
        self.rules = set(re.findall(r"^### ([a-z-]+)$", run("rules", "--format", "markdown"), re.MULTILINE))
        self.settings = {setting["name"] for setting in json.loads(run("config", "--format", "json"))}
        self.settings |= {"PLAYBOOK_RULE_" + rule.upper().replace("-", "_") for rule in self.rules}
        sources = "".join(file.read_text() for file in pathlib.Path("Sources").rglob("*.swift"))
        self.metrics = set(re.findall(r"\bplaybook_\w+", sources))
        # Environment variables of tests and scripts.
        files = ["Tests/*.swift", "scripts", ":!scripts/links.py"]
        used = subprocess.run(["git", "grep", "-hoE", r"PLAYBOOK_\w+", "--", *files], capture_output=True, text=True)
        self.settings |= set(used.stdout.split())
        self.versions = versions()

    @staticmethod
    def flags_of(text):
        """The flags of a command, each with its accepted values or nothing."""
        flags = {"--help": None}
        for name, meaning in re.findall(r"^  (?:-\w, |    )(--[\w-]+)(?: \S+)?  +(.*)$", text, re.MULTILINE):
            values = meaning.split("format: ")[1].split(", ") if name == "--format" and "format: " in meaning else None
            flags[name] = values
        return flags


def versions():
    """The versions of other products, from the files that set them or test with them."""
    def found(file, pattern, words):
        return {words.format(version) for version in re.findall(pattern, pathlib.Path(file).read_text())}

    names = r"((?:Ubuntu|Debian) \d[\d.]*\d)"
    return (found("Dockerfile", r"ARG SWIFT=swift:(\d+\.\d+)", "Swift {}") | found("scripts/binary-check", r"GLIBC\) newest=([\d.]+)", "glibc {}")
            | found("scripts/binary-check", names, "{}") | found("scripts/image-check", names, "{}")
            | found(".github/workflows/ci.yml", r"runs-on: ubuntu-([\d.]+)", "Ubuntu {}")
            | found("docs/versions.md", r"\| Kubernetes (\d+\.\d+)[^|]*\| kube-apiserver", "tested with {}"))


def anchors(text):
    """The anchors of a page's headings, as Git hosts and the site make them."""
    seen = {}
    for heading in re.findall(r"^#+ (.*?) *$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = seen.get(name, -1) + 1
        seen[name] = count
        yield f"{name}-{count}" if count else name


def commands(text):
    """The words of each command in the code of a page."""
    lines = []
    for language, code in FENCE.findall(text):
        if language in SHELLS or not language:
            code = re.sub(r"<<'?(\w+)'?\n.*?^\1$", "", code, flags=re.MULTILINE | re.DOTALL)
            code = code.replace("\\\n", " ").splitlines()
            # Without a language, it can be a program's output or a text.
            lines += code if language else [line for line in code if re.match(r"\s*(\$|playbook) ", line)]
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for line in lines:
        line = re.sub(r"^\s*\$ ", "", line)
        for part in re.split(r"\|\|?|&&|;|\$\(|\(|\)|(?<=\s)#.*|>{1,2}\s*\S+", line):
            try:
                words = shlex.split(part or "")
            except ValueError:
                words = (part or "").split()
            if words:
                yield words


def wrong_command(words, program):
    """The problem of a command, with its settings before it."""
    environment = {}
    while words and (setting := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])):
        environment[setting[1]] = setting[2]
        words = words[1:]
    words = words[words[:1] in (["time"], ["env"]):]
    settings = {name: value for name, value in environment.items()
                if name in program.settings and name.startswith("PLAYBOOK_") and value and not re.search(r"[$…<>]|\b[A-Z]{3,}\b", value)}
    if settings:
        result = subprocess.run([BINARY, "config"], capture_output=True, text=True, env=settings)
        if result.returncode != 0:
            return result.stderr.strip()
    if len(words) < 2:
        return None
    if words[0] == "playbook":
        return wrong_playbook(words[1:], program)
    if words[0] in COMMANDS:
        return wrong_other(words[0], words[1:])
    return wrong_script(words) if words[0].startswith("scripts/") else None


def wrong_other(program, words):
    """The problem of a command of kubectl or helm."""
    operands, skips, flags = [], False, FLAGS[program].split()
    for word in words:
        flag, has_value, _ = word.partition("=")
        if skips:
            skips = False
        elif not word.startswith("-") or word == "-":
            operands.append(word)
        elif flag not in flags and f"{flag}=" not in flags:
            return f"unknown flag: {program} {flag}"
        else:
            skips = f"{flag}=" in flags and not has_value
    known = COMMANDS[program]
    if operands and operands[0] not in known:
        return f"unknown command: {program} {operands[0]}"
    if len(operands) > 1 and known[operands[0]] and operands[1] not in known[operands[0]].split():
        return f"unknown command: {program} {operands[0]} {operands[1]}"
    return None


def wrong_script(words):
    """The problem of a command that is a script: a flag that neither it nor a script that it runs has."""
    script = pathlib.Path(words[0])
    if not script.is_file():
        return None
    text = script.read_text()
    text += "".join(pathlib.Path(name).read_text() for name in set(re.findall(r"scripts/[\w/-]+\.py", text)))
    for flag in (word.partition("=")[0] for word in words[1:] if word.startswith("--")):
        if not re.search(rf"{flag}(?![\w-])", text):
            return f"{words[0]} has no flag {flag}"
    return None


def wrong_playbook(words, program):
    name = words[0]
    if name not in program.flags:
        # In a sentence, `playbook` can be the project's name; the text output begins with it, too.
        return f"unknown command: playbook {name}" if re.fullmatch(r"[a-z]+", name) else None
    flags = program.flags[name]
    for index, word in enumerate(words):
        flag, _, value = word.partition("=")
        if not re.fullmatch(r"--[a-z-]+", flag):
            continue
        if flag not in flags:
            return f"playbook {name} has no flag {flag}"
        value = value or (words[index + 1] if index + 1 < len(words) else "")
        if flags[flag] and re.fullmatch(r"[a-z]+", value) and value not in flags[flag]:
            return f"playbook {name} has no {flag} {value}"
        rule = value.split("=")[0]
        if flag == "--level" and re.fullmatch(r"[a-z-]+", rule) and rule not in program.rules:
            return f"unknown rule in --level {value}"
    operand = words[1] if name == "explain" and len(words) > 1 else ""
    if re.fullmatch(r"[a-z-]+", operand) and not operand.startswith("--") and operand not in program.rules:
        return f"unknown rule: playbook explain {operand}"
    return None


def exists(path):
    root = pathlib.Path("deploy") if path.startswith("components/") else pathlib.Path()
    return any(root.glob(path)) if "*" in path else (root / path).exists()


def problems(name, text, pages, program):
    """The problems of one page; `pages` has the anchors of all pages by path."""
    prose = FENCE.sub("", text)
    here = pathlib.Path(name).parent
    for path, anchor in LINK.findall(re.sub(r"`[^`\n]*`", "", prose)):
        target = (pathlib.Path("/") / here / path).resolve().relative_to("/") if path else pathlib.Path(name)
        if not target.exists() and str(target) not in pages:
            yield f"link to {path}, which does not exist"
        elif anchor and anchor not in pages.get(str(target), [anchor] if target.suffix != ".md" else []):
            yield f"link to {path}#{anchor}, which does not exist"
    for words in commands(text):
        if (words[0] == "playbook" or name not in HISTORY) and (problem := wrong_command(words, program)):
            yield problem
    for path in sorted(set(PATH.findall(text))):
        if not PLACEHOLDER.search(path) and not exists(path.rstrip(".")) and not (here / path).exists():
            yield f"path {path}, which does not exist"
    for key in sorted(set(re.findall(r"(?<!\.)playbook\.superinc\.com/([a-z-]*[a-z])", text)) - ANNOTATIONS - NO_ANNOTATIONS):
        yield f"unknown annotation playbook.superinc.com/{key}"
    for minimum in sorted(set(re.findall(r"Kubernetes (1\.\d+) or (?:later|newer)", text))):
        if minimum != "1.30":
            yield f"Kubernetes {minimum} or later; the minimum is 1.30"
    if name in HISTORY:
        return
    for version in sorted(set(VERSION.findall(text)) - program.versions):
        yield f"{version} is not a version that is built with or tested"
    for setting in sorted(set(re.findall(r"\bPLAYBOOK_[A-Z][A-Z_]*[A-Z]\b(?![_…])", text))):
        if setting not in program.settings and not setting.endswith("_RULE"):
            yield f"unknown setting {setting}"
    for metric in sorted(set(re.findall(r"\bplaybook_[a-z_]+\b(?!…)", text))):
        if re.sub(r"_(bucket|sum|count)$", "", metric) not in program.metrics and metric not in program.metrics:
            yield f"unknown metric {metric}"


def between(text, start, end):
    if start not in text or end not in text.split(start)[1]:
        sys.exit(f"links: no part of a page is between {start!r} and {end!r}; change its commands in links.py")
    return text.split(start)[1].split(end)[0]


def steps(guide):
    """The commands of a guide: (command, exit code that the page states, output that it shows)."""
    blocks = [*re.finditer(FENCE, guide), None]
    for block, following in zip(blocks, blocks[1:], strict=False):
        language, code = block.groups()
        if not language and code.startswith("$ "):
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", code, re.MULTILINE):
                yield command, None, shown
        elif language in SHELLS:
            after = guide[block.end():following.start() if following else None]
            shown = following[2] if following and not following[1] and not following[2].startswith("$ ") else ""
            by_line = "# exit code" in code
            for command in code.splitlines() if by_line else [code]:
                stated = re.search(r"# exit code (\d)" if by_line else r"exit code is (?:now )?(\d)", command if by_line else after)
                yield command, int(stated[1]) if stated else 0, shown


def missing(shown, output):
    """The first line that a page shows and the output does not have, in this order. `…` stands for the rest of a line, or for lines."""
    lines = iter(output.splitlines())
    for line in shown.splitlines():
        start, is_short, _ = line.partition("…")
        if not any(other.startswith(start) if is_short else other == line for other in lines):
            return line
    return None


def follow(guide):
    """Runs the commands of a guide one after the other in a directory; `kubectl apply` calls the webhook's rules."""
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "playbook").symlink_to(BINARY)
        pathlib.Path(directory, "Tests").symlink_to(pathlib.Path("Tests").resolve())
        kubectl = pathlib.Path(directory, "kubectl")
        kubectl.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, __file__, str(BINARY)])} "$@"\n')
        kubectl.chmod(0o755)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PLAYBOOK_")}
        environment["PATH"] = f"{directory}:{environment['PATH']}"
        for command, code, shown in steps(guide):
            result = subprocess.run(["bash", "-c", command], cwd=directory, env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True)
            first = command.splitlines()[0]
            if code is not None and result.returncode != code:
                yield f"exit code {result.returncode} instead of {code}: {first}\n{result.stdout}"
            if line := missing(shown, result.stdout):
                yield f"not in the output of {first}: {line}\n{result.stdout}"


def apply(path):
    """Stands for `kubectl apply -f` with the webhook, which adds the zone constraint itself and can read HPAs."""
    for item in yaml.safe_load_all(pathlib.Path(path).read_text()):
        group, _, version = item["apiVersion"].rpartition("/")
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(item)}
        request = {"uid": "a", "kind": {"group": group, "version": version, "kind": item["kind"]},
                   "resource": {"group": group, "version": version, "resource": f"{item['kind'].lower()}s"}, "operation": "CREATE",
                   "name": item["metadata"]["name"], "namespace": item["metadata"]["namespace"], "userInfo": {"username": "a"},
                   "object": item | {"metadata": item["metadata"] | {"annotations": annotations}}}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
        result = subprocess.run([BINARY, "review", "--skip", "topology-spread", "--format", "response", "-"], env={},
                                input=json.dumps(review), capture_output=True, text=True)
        response = json.loads(result.stdout)["response"]
        if not response["allowed"]:
            # The page has a line break before the message.
            sys.exit(f'Error from server (Forbidden): error when creating "{path}": admission webhook "workloads.playbook.superinc.com" '
                     f"denied the request:\n{response['status']['message']}")
        print(f"{item['kind'].lower()}.{group}/{item['metadata']['name']} created")


def installed_notes():
    """The commands of the chart's notes, as a page."""
    notes = pathlib.Path("deploy/chart/templates/NOTES.txt").read_text()
    return "```sh\n" + "".join(re.findall(r"(?m)^  .*\n", re.sub(r"\{\{.*?\}\}", "NAME", notes))) + "```\n"


# One problem for each check, so that a check that finds nothing is noticed.
BROKEN = """# A page
[a](missing.md) [b](#no-such-heading) [c](../README.md#no-such-heading) `scripts/missing` `playbook judge x`
playbook.superinc.com/no-such-annotation PLAYBOOK_NO_SUCH playbook_no_such_total Kubernetes 1.29 or later
```sh
playbook check --no-such-flag x
PLAYBOOK_MODE=enforce playbook check --format yaml x
helm template x | playbook replay --level no-such-rule=deny -
playbook explain no-such-rule
kubectl lable namespace playbook a=b
kubectl -n playbook rollout stat deployment/playbook
helm upgrade --instal playbook deploy/chart
scripts/release --dryrun 1.2.3
PLAYBOOK_PROFILE=starts playbook audit
```
Swift 6.0, glibc 2.31, Ubuntu 20.04, tested with 1.29
"""
# One wrong exit code, and two wrong lines of output.
BROKEN_GUIDE = """
```sh
playbook explain replicas    # exit code 1
```
```
$ playbook explain replicas
replicas (no such level)…
…
$ printf '1\\n2\\n'
2
1
```
"""


def main():
    program = Program()
    listed = subprocess.run(["git", "ls-files", "*.md"], check=True, capture_output=True, text=True).stdout.split()
    texts = {name: pathlib.Path(name).read_text(encoding="utf-8") for name in listed if not name.startswith("Tests/")}
    texts["deploy/chart/templates/NOTES.txt"] = installed_notes()
    pages = {name: set(anchors(text)) for name, text in texts.items()}
    count = 0
    for name, text in texts.items():
        for problem in problems(name, text, pages, program):
            count += 1
            print(f"{name}: {problem}", file=sys.stderr)
    start, readme = texts["docs/start.md"], texts["README.md"]
    guide = between(start, "## 2. ", "## 4. ")
    manifest = FENCE.search(guide)[0]
    denial = f"{manifest}\n{between(readme, '## A denial', '## Begin')}"
    for name, part in ("docs/start.md", guide), ("README.md", denial), ("README.md", between(readme, "**In a pipeline**", "**In a cluster**")):
        for problem in follow(part):
            count += 1
            print(f"{name}: {problem}", file=sys.stderr)
    found = list(problems("docs/broken.md", BROKEN, pages | {"docs/broken.md": set(anchors(BROKEN))}, program))
    if len(found) != 22:
        sys.exit(f"links: 22 problems expected in the broken page, but {len(found)} found: {found}")
    if len(found := list(follow(BROKEN_GUIDE))) != 3:
        sys.exit(f"links: 3 problems expected in the broken guide, but {len(found)} found: {found}")
    if count:
        sys.exit(f"links: {count} problems in {len(texts)} pages")
    print(f"links: no problems in {len(texts)} pages")


if sys.argv[2:4] == ["apply", "-f"]:
    apply(sys.argv[4])
else:
    main()

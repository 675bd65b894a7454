"""Checks links and anchors of the pages, and that the commands, paths, settings and metrics in them exist.

The commands of docs/start.md are run.

usage: links.py BINARY
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

BINARY = sys.argv[1]
# Pages that describe earlier versions name settings and metrics that no longer exist.
HISTORY = {"CHANGELOG.md", "docs/upgrading.md"}
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)")
# A path of the repository. Capital letters stand for a name, and * matches any.
PATH = re.compile(r"(?<![\w./-])(?:scripts|deploy|docs|Sources|Tests|Fuzz|certs|components|\.ci)/[\w./*-]*[\w*]")
PLACEHOLDER = re.compile(r"[/-][A-Z]{3,}\b|…")
ANNOTATIONS = {"exempt", "exempt-reason", "exempt-until", "level", "enforced-since"}
SHELLS = {"sh", "console", "bash", "shell"}


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

    @staticmethod
    def flags_of(text):
        """The flags of a command, each with its accepted values or nothing."""
        flags = {"--help": None}
        for name, meaning in re.findall(r"^  (?:-\w, |    )(--[\w-]+)(?: \S+)?  +(.*)$", text, re.MULTILINE):
            values = meaning.split("format: ")[1].split(", ") if name == "--format" and "format: " in meaning else None
            flags[name] = values
        return flags


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
    """The words of each `playbook` command in the code of a page."""
    lines = []
    for language, code in FENCE.findall(text):
        if language in SHELLS or not language:
            code = re.sub(r"<<'?(\w+)'?\n.*?^\1$", "", code, flags=re.MULTILINE | re.DOTALL)
            lines += code.replace("\\\n", " ").splitlines()
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for line in lines:
        line = re.sub(r"^\s*\$ ", "", line)
        for part in re.split(r"\|\|?|&&|;|\$\(|\(|\)|(?<=\s)#.*|>{1,2}\s*\S+", line):
            try:
                words = shlex.split(part or "")
            except ValueError:
                words = (part or "").split()
            while words and (re.fullmatch(r"[A-Z_]+=.*", words[0]) or words[0] in {"time", "env"}):
                words.pop(0)
            if len(words) > 1 and words[0] == "playbook":
                yield words[1:]


def wrong_command(words, program):
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
        if problem := wrong_command(words, program):
            yield problem
    for path in sorted(set(PATH.findall(text))):
        if not PLACEHOLDER.search(path) and not exists(path.rstrip(".")) and not (here / path).exists():
            yield f"path {path}, which does not exist"
    for key in sorted(set(re.findall(r"(?<!\.)playbook\.superinc\.com/([a-z-]*[a-z])", text)) - ANNOTATIONS - {"docs"}):
        yield f"unknown annotation playbook.superinc.com/{key}"
    for minimum in sorted(set(re.findall(r"Kubernetes (1\.\d+) or (?:later|newer)", text))):
        if minimum != "1.30":
            yield f"Kubernetes {minimum} or later; the minimum is 1.30"
    if name in HISTORY:
        return
    for setting in sorted(set(re.findall(r"\bPLAYBOOK_[A-Z][A-Z_]*[A-Z]\b(?![_…])", text))):
        if setting not in program.settings and not setting.endswith("_RULE"):
            yield f"unknown setting {setting}"
    for metric in sorted(set(re.findall(r"\bplaybook_[a-z_]+\b(?!…)", text))):
        if re.sub(r"_(bucket|sum|count)$", "", metric) not in program.metrics and metric not in program.metrics:
            yield f"unknown metric {metric}"


def follow(page):
    """Runs the blocks of a guide one after the other in an empty directory, and compares the exit codes that the text after them states."""
    sections = page.split("## 2. ")[1].split("## 4. ")[0]
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "playbook").symlink_to(pathlib.Path(BINARY).resolve())
        for code, after in re.findall(r"^```sh\n(.*?)^```$(.*?)(?=^```|\Z)", sections, re.MULTILINE | re.DOTALL):
            environment = {"PATH": f"{directory}:{os.environ['PATH']}"}
            result = subprocess.run(["bash", "-c", code], cwd=directory, env=environment, capture_output=True, text=True)
            stated = re.search(r"exit code is (?:now )?(\d)|exits with (\d)", after)
            expected = int(stated[1] or stated[2]) if stated else 0
            if result.returncode != expected:
                yield f"exit code {result.returncode} instead of {expected}: {code.splitlines()[0]}\n{result.stderr}"


# One problem for each check, so that a check that finds nothing is noticed.
BROKEN = """# A page
[a](missing.md) [b](#no-such-heading) [c](../README.md#no-such-heading) `scripts/missing` `playbook judge x`
playbook.superinc.com/no-such-annotation PLAYBOOK_NO_SUCH playbook_no_such_total Kubernetes 1.29 or later
```sh
playbook check --no-such-flag x
PLAYBOOK_MODE=enforce playbook check --format yaml x
helm template x | playbook replay --level no-such-rule=deny -
playbook explain no-such-rule
```
"""


def main():
    program = Program()
    listed = subprocess.run(["git", "ls-files", "*.md"], check=True, capture_output=True, text=True).stdout.split()
    texts = {name: pathlib.Path(name).read_text(encoding="utf-8") for name in listed if not name.startswith("Tests/")}
    pages = {name: set(anchors(text)) for name, text in texts.items()}
    count = 0
    for name, text in texts.items():
        for problem in problems(name, text, pages, program):
            count += 1
            print(f"{name}: {problem}", file=sys.stderr)
    for problem in follow(texts["docs/start.md"]):
        count += 1
        print(f"docs/start.md: {problem}", file=sys.stderr)
    found = list(problems("docs/broken.md", BROKEN, pages | {"docs/broken.md": set(anchors(BROKEN))}, program))
    if len(found) != 13:
        sys.exit(f"links: 13 problems expected in the broken page, but {len(found)} found: {found}")
    if count:
        sys.exit(f"links: {count} problems in {len(texts)} pages")
    print(f"links: no problems in {len(texts)} pages")


main()

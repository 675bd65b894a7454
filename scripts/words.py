"""Finds words and sentence shapes that texts for people do not use: words.py [--record]

Reads string literals of Sources, comments that document declarations, and pages in Markdown. Each hit is printed with the term to use. Hits that are
known stand in words.tsv, counted by pattern and file name: a count may only shrink.
"""

import collections
import pathlib
import re
import subprocess
import sys

KNOWN = pathlib.Path(__file__).with_name("words.tsv")

# Each: its name, the pattern, the term to use. Patterns see one sentence or literal at a time.
PATTERNS = [
    (name, re.compile(pattern, re.IGNORECASE if name != "start" else 0), term)
    for name, pattern, term in [
        ("is no", r"\bis no (?!longer\b)\w", 'say "is not a …"'),
        ("start", r"^(What|Whoever|Who|Where|Whether)\b", "begin with the subject, not with a clause"),
        ("judge", r"\bjudg(e|es|ed|ing|ment|ements)\b", '"evaluate", "evaluation"'),
        ("sin", r"\bsins?\b", '"violation"'),
        ("tell", r"\b(tells?|told)\b", '"report", "show" or "list"'),
        ("pass over", r"\bpass(es|ed|ing)? over\b", '"skip"'),
        ("let be", r"\blet (be|go|off)\b|\blets go\b", '"skip", "remove" or "exempt"'),
        ("companion", r"\bcompanions?\b(?!`)", '"related objects"'),
        ("folder", r"\bfolders?\b", '"directory"'),
        ("authority", r"\bauthorit(y|ies)\b(?! key identifier)", '"certificate authority" or "CA"'),
        ("registration", r"\bregistrations?\b", '"webhook configuration"'),
        ("remedy", r"\bremed(y|ies)\b", '"suggested change" or "fix"'),
        ("of one's own", r"\bof (one's|its|their) own\b", "name the thing"),
        ("grave", r"\bgrave(r|st)?\b", '"severe", "most severe"'),
        ("nobody", r"\b(whoever|nobody)\b", "name the subject"),
        ("verdict", r"\bverdicts?\b", '"decision"'),
        ("is to", r"\b(is|are) to be\b", '"must"'),
        ("may not", r"\bmay not\b", '"must not" or "might not"'),
        ("at will", r"\bat will\b", '"optional"'),
        ("for want", r"\bfor want of\b", '"because … is missing"'),
        ("comes of", r"\bcomes of\b", '"results from"'),
        ("holder", r"\bholders?\b", '"workloads" or "kinds with a pod template"'),
        ("world", r"\bthe world\b", '"the input" or "the cluster"'),
    ]
]

# Keys, flags and metrics that scripts read: docs/formats.md lists them.
CODE = re.compile(r"`[^`]*`|\bplaybook_\w+|\bPLAYBOOK_\w+|--[\w-]+|\]\([^)]*\)|https?://\S+")


def literals(text):
    """The string literals of a Swift file, and the comments that document: pairs of a line number and a text."""
    line = 1
    at = 0
    token = re.compile(r'"""(.*?)"""|"((?:\\.|[^"\\\n])*)"|///([^\n]*)|//[^\n]*|/\*.*?\*/', re.DOTALL)
    for found in token.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        for group in found.groups():
            if group is not None:
                yield line, group


def sentences(text):
    """A text's sentences, without code in it."""
    plain = re.sub(r"\\\([^)]*\)", "x", CODE.sub("x", text)).replace("\\\n", " ")
    for sentence in re.split(r"(?<=[.!?:;])\s+|\n\s*\n", plain):
        if words := " ".join(sentence.split()).lstrip("*#>|- "):
            yield words


def texts(path):
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".swift":
        yield from literals(content)
        return
    in_code = False
    for number, line in enumerate(content.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and not line.startswith("    "):
            yield number, line


def hits():
    listed = subprocess.run(["git", "ls-files", "Sources", "*.md"], check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        path = pathlib.Path(name)
        if path.suffix not in {".swift", ".md"} or name in GENERATED or not path.exists():
            continue
        for number, text in texts(path):
            for sentence in sentences(text):
                for pattern, expression, term in PATTERNS:
                    if expression.search(sentence):
                        yield pattern, path, number, sentence, term


GENERATED = {"docs/rules.md", "docs/configuration.md", "docs/playbook-coverage.md"}


def main():
    found = collections.defaultdict(list)
    for pattern, path, number, sentence, term in hits():
        found[pattern, path.name].append((path, number, sentence, term))
    counts = {key: len(places) for key, places in found.items()}
    if sys.argv[1:] == ["--record"]:
        lines = [f"{pattern}\t{name}\t{count}" for (pattern, name), count in sorted(counts.items())]
        KNOWN.write_text("\n".join(lines) + "\n" if lines else "", encoding="utf-8")
        return
    known = {}
    for line in KNOWN.read_text(encoding="utf-8").splitlines():
        pattern, name, count = line.split("\t")
        known[pattern, name] = int(count)
    status = 0
    for key, places in sorted(found.items()):
        if len(places) > known.get(key, 0):
            status = 1
            print(f"{key[1]} has {len(places)} texts with '{key[0]}', {known.get(key, 0)} are known:", file=sys.stderr)
            for path, number, sentence, term in places:
                print(f"  {path}:{number}: {sentence[:120]}\n    use {term}", file=sys.stderr)
    if any(counts.get(key, 0) < count for key, count in known.items()):
        status = 1
        print("words: some known hits are gone: run scripts/words --record and commit scripts/words.tsv", file=sys.stderr)
    total = sum(counts.values())
    print(f"words: {total} known hits, none new" if status == 0 else f"words: {total} hits")
    sys.exit(status)


if __name__ == "__main__":
    main()

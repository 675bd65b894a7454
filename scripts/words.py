"""Finds words and sentence shapes that texts for people do not use.

Reads string literals, comments and the names of tests and checks in Swift and Python, comments in shell scripts and YAML, and
pages in Markdown. Prints each hit with the term to use, and fails if there is one.
"""

import ast
import io
import pathlib
import re
import subprocess
import sys
import tokenize

# Each: the pattern and the term to use. Patterns see one sentence or literal at a time.
PATTERNS = [
    (re.compile(pattern, 0 if pattern.startswith("^") else re.IGNORECASE), term)
    for pattern, term in [
        (r"(?<!there )\bis no (?!longer\b)\w", 'say "is not a …"'),
        (r"^(What|Whoever|Who|Where|Whether|How(?! (to|many)))\b", "begin with the subject, not with a clause"),
        (r"\bjudg(e|es|ed|ing|ment|ements)\b", '"evaluate", "evaluation"'),
        (r"\bsins?\b", '"violation"'),
        (r"\b(tells?|told)\b", '"report", "show" or "list"'),
        (r"\bpass(es|ed|ing)? over\b", '"skip"'),
        (r"\blet (be|go|off)\b|\blets go\b", '"skip", "remove" or "exempt"'),
        (r"(?<!-)\bcompanions?\b(?!`)", '"related objects"'),
        (r"\bfolders?\b", '"directory"'),
        (r"(?<!certificate )(?<!certificate-)\bauthorit(y|ies)\b(?! key identifier)", '"certificate authority" or "CA"'),
        (r"\bregistrations?\b", '"webhook configuration"'),
        (r"\bremed(y|ies)\b", '"suggested change" or "fix"'),
        (r"\bof (one's|its|their) own\b", "name the thing"),
        (r"\bgrave(r|st)?\b", '"severe", "most severe"'),
        (r"\b(whoever|nobody)\b", "name the subject"),
        (r"\bverdicts?\b", '"decision"'),
        (r"\b(is|are) to be\b", '"must"'),
        (r"\bmay not\b", '"must not" or "might not"'),
        (r"\bat will\b", '"optional"'),
        (r"\bfor want of\b", '"because … is missing"'),
        (r"\bcomes of\b", '"results from"'),
        (r"\bholders?\b", '"workloads" or "kinds with a pod template"'),
        (r"\bsomebody\b|\bone who\b|\bthose who\b", "name the subject"),
        (r"\bought to\b", '"must" or "should"'),
        (r"\bexcuse[sd]?\b", '"exempt"'),
        (r"\bas it were\b|\bby hand of\b|\bof then\b", "say it directly"),
        (r"\bkeeps? to itself\b|\bin vain\b|\bcomes? to nothing\b", "say what happens"),
        (r"\bthe world\b", '"the input" or "the cluster"'),
        (r"\breplac(e|es|ing)\b[^,.;:()]* by\b(?! \w+ing\b)", '"replace … with"'),
        (r"\bmend(s|ed|ing)?\b", '"fix" or "repair"'),
        (r"\b(is|are|be) (not )?believed\b", '"trusted" or "ignored"'),
        (r"\bheal(s|ed|ing)?\b", '"is restored"'),
        (r"\b(any|every)body\b", '"all users", "anyone" or the subject'),
        (r"\blast good\b", '"last valid"'),
        (r"\bcosts? (itself|themselves)\b", '"does not affect the others"'),
        (r"\bof now\b", '"current"'),
        (r"\b(is|are) told\b", '"is reported"'),
        (r"\bwhatever\b", '"regardless of …", "any" or the thing'),
        (r"\banew\b", '"again"'),
        (r"\bfor lack of\b", '"because … is missing"'),
        (r"\b\w+ s (own|pod|executors?)\b", "use the possessive, or name the relation with \"of\""),
    ]
]

# Keys, flags and metrics that scripts read: docs/formats.md lists them.
INTERPOLATION = re.compile(r"\\\((?:[^()]|\([^()]*\))*\)")
CODE = re.compile(r"`[^`]*`|\bplaybook_\w+|\bPLAYBOOK_\w+|\bplaybook-\w+|--[\w-]+|\]\([^)]*\)|https?://\S+")


def literals(text):
    """The string literals and comments of a Swift file: pairs of a line number and a text."""
    line = 1
    at = 0
    token = re.compile(r'"""(.*?)"""|"((?:\\.|[^"\\\n])*)"|///?([^\n]*)|/\*.*?\*/', re.DOTALL)
    for found in token.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        for group in found.groups():
            if group is not None:
                yield line, group
    for name in re.finditer(r"\bfunc `([^`]+)`", text):
        yield text.count("\n", 0, name.start()) + 1, name[1]


def python_texts(text):
    """The strings, names of functions and comments of a Python file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.FunctionDef):
            yield node.lineno, node.name.replace("_", " ")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#! ")


def sentences(text):
    """A text's sentences, without code in it."""
    if re.fullmatch(r"[\w.-]+", text):
        return  # The name of a flag, a key or a metric.
    plain = INTERPOLATION.sub("x", CODE.sub("x", text)).replace("\\\n", " ")
    plain = re.sub(r"^\s*- (Parameter )?\w+:", "", plain)
    for sentence in re.split(r"(?<=[.!?:;])\s+|\n\s*\n", plain):
        if words := " ".join(sentence.split()).lstrip("*#>|- "):
            yield words


def markdown_texts(text, name):
    """The lines of a page; code blocks only where they show the names of checks."""
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif name in TRANSCRIPTS or not in_code and not line.startswith("    "):
            yield number, line


def texts(name, content):
    suffix = pathlib.Path(name).suffix
    first = content.partition("\n")[0]
    if suffix == ".swift":
        return literals(content)
    if suffix == ".md":
        return markdown_texts(content, name)
    if suffix == ".py" or first.startswith("#!") and "python" in first:
        return python_texts(content)
    if suffix in {".yaml", ".yml"} or first.startswith("#!"):
        lines = enumerate(content.splitlines(), 1)
        return [(number, found[1]) for number, line in lines if (found := re.search(r"(?:^|\s)#+\s+(.*)", line))]
    return []


def hits():
    paths = ["Sources", "Tests", "Fuzz", "scripts", "deploy", ".github", "*.md"]
    listed = subprocess.run(["git", "ls-files", *paths], check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        path = pathlib.Path(name)
        if name in EXCEPT or name.startswith("Tests/Fixtures/") or not path.is_file():
            continue
        try:
            content = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, text in texts(name, content):
            for sentence in sentences(text):
                for expression, term in PATTERNS:
                    if expression.search(sentence):
                        yield path, number, sentence, term


# Pages with the output of a run of checks.
TRANSCRIPTS = {"docs/e2e.md"}

# Pages that are generated from Sources, lists of words, and JavaScript.
EXCEPT = {
    "scripts/words.py",
    "docs/rules.md",
    "docs/configuration.md",
    "docs/playbook-coverage.md",
    "Sources/Evaluation/Credentials/SecretWords.swift",
    "Sources/Report/HTMLReport+Script.swift",
}


def main():
    count = 0
    for path, number, sentence, term in hits():
        count += 1
        print(f"{path}:{number}: {sentence[:120]}\n    use {term}", file=sys.stderr)
    if count:
        sys.exit(f"words: {count} texts use words that docs and messages do not use")
    print("words: no hits")


if __name__ == "__main__":
    main()

"""Hooks of MkDocs, so that the pages also work as files in the repository.

The repository's own pages are added to the site, and relative links to other files become links to the repository. Lists are indented
as Python-Markdown requires. A page can also be opened by its file name (`rules.md`), to which alerts and denials link.
"""

import pathlib
import posixpath
import re

from mkdocs.structure.files import File

REDIRECT = """<!doctype html><html lang="en"><title>playbook</title>
<script>location.replace("{url}" + location.hash)</script>
<meta http-equiv="refresh" content="0; url={url}">
<a href="{url}">The page has moved.</a></html>
"""
ROOT = pathlib.Path(__file__).parent.parent
# Pages outside docs/ that are pages of the site, too.
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)


def on_files(files, config):
    for name, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown, page, config, **_):
    names = {page: name for name, page in PAGES.items()}
    # The directory of the page in the repository.
    directory = "" if page.file.src_uri in names else "docs"

    def link(found):
        path = posixpath.normpath(posixpath.join(directory, found[1]))
        anchor = found[2] or ""
        if path in PAGES:
            return f"]({PAGES[path]}{anchor})"
        if path.startswith("docs/"):
            return f"]({path.removeprefix('docs/')}{anchor})"
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"]({config.extra['repository']}/{kind}/{config.extra['revision']}/{path}{anchor})"

    # Every other part is code.
    parts = CODE.split(markdown)
    return indented("".join(part if index % 2 else LINK.sub(link, part) for index, part in enumerate(parts)))


def indented(markdown):
    """Separates lists from paragraphs, and indents the content of items by four spaces for each level.

    Git hosts need no blank line, and accept the width of the marker as the indentation.
    """
    lines, levels, in_code, has_paragraphs = [], [], False, False
    for line in markdown.splitlines():
        text = line.lstrip()
        indent = len(line) - len(text)
        in_list = bool(levels)
        if not in_code and not text:
            has_paragraphs = in_list
        if text and not in_code:
            while levels and indent < levels[-1]:
                levels.pop()
        marker = not in_code and re.match(r"([-*]|\d+\.) +", text)
        if marker and (levels or indent == 0):
            if lines and lines[-1] and (has_paragraphs or not in_list):
                lines.append("")
            has_paragraphs = False
            line = " " * 4 * len(levels) + text
            levels.append(indent + marker.end())
        elif text and levels:
            line = " " * (4 * len(levels) + max(indent - levels[-1], 0)) + text
        if text.startswith("```"):
            in_code = not in_code
        lines.append(line)
    return "\n".join(lines)


def on_post_build(config, **_):
    for page in pathlib.Path(config.docs_dir).glob("*.md"):
        target = "../" if page.stem == "index" else f"../{page.stem}/"
        redirect = pathlib.Path(config.site_dir, page.name, "index.html")
        redirect.parent.mkdir(exist_ok=True)
        redirect.write_text(REDIRECT.format(url=target), encoding="utf-8")

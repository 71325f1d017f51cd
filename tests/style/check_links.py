"""style.links: relative links in Markdown resolve, to a file and, where named, to a heading."""

import os
import re

import tree

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def anchors(text):
    """The anchors that a Markdown page gives its headings."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


def blanked(text):
    """Without code, where brackets mean something else; every line keeps its number."""
    text = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    return re.sub(r"`[^`\n]*`", lambda match: " " * len(match.group()), text)


def problem_of(root, path, link):
    target, _, anchor = link.partition("#")
    file = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
    if not os.path.exists(os.path.join(root, file)):
        return f"{link} leads to no file"
    if anchor and file.endswith(".md") and anchor not in anchors(tree.read(root, file)):
        return f"{link}: {file} has no such heading"
    return None


def main():
    root = tree.root_from_arguments()
    problems = []
    for path in tree.files(root, (".md",)):
        text = blanked(tree.read(root, path))
        for match in LINK.finditer(text):
            link = match.group(1)
            if re.match(r"[a-z]+:", link):
                continue
            problem = problem_of(root, path, link)
            if problem:
                problems.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {problem}")
    tree.finish("style.links", problems)


if __name__ == "__main__":
    main()

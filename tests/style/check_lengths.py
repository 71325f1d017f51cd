"""style.lengths: 700 lines a file, 70 lines a function."""

import ast
import re

import tree

FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70

CONTROL = re.compile(r"^(if|for|while|switch|catch|do|else|try|return)\b")
SCOPE = re.compile(r"^(inline\s+)?(namespace|class|struct|union|enum|extern)\b")


def python_functions(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def opens_function(head):
    """Whether a brace after this text begins the body of a function."""
    head = re.sub(r"^\s*(template\s*<[^{}]*>|\[\[[^\]]*\]\])\s*", "", head).strip()
    return ")" in head and not CONTROL.match(head) and not SCOPE.match(head)


def cpp_functions(code):
    """(name, first line, last line) of the outermost functions; lambdas count with their owner."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: "\n" * m.group().count("\n"),
                  tree.blank_literals(code), flags=re.MULTILINE)
    depth, head_start, function = 0, 0, None
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match.group() == "{":
            head = code[head_start:at]
            if function is None and opens_function(head):
                first = code.count("\n", 0, head_start + len(head) - len(head.lstrip())) + 1
                name = re.search(r"([\w:~]+)\s*\(", head)
                function = (name.group(1) if name else "?", first, depth)
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if function and depth == function[2]:
                yield function[0], function[1], code.count("\n", 0, at) + 1
                function = None
        head_start = at + 1


def main():
    root = tree.root_from_arguments()
    problems = []
    for path in tree.files(root):
        is_cpp, is_python = path.endswith(tree.CPP), path.endswith(".py")
        if not (is_cpp or is_python or path.endswith((".h", ".c", ".sh", ".css", ".js", ".html"))
                or path.startswith("scripts/")):
            continue
        code = tree.read(root, path)
        lines = len(code.splitlines())
        if lines > FILE_LINES_MAX:
            problems.append(f"{path}: {lines} lines; at most {FILE_LINES_MAX}")
        functions = (cpp_functions(code) if is_cpp else
                     python_functions(code) if is_python else ())
        for name, first, last in functions:
            if last - first + 1 > FUNCTION_LINES_MAX:
                problems.append(f"{path}:{first}: {name} has {last - first + 1} lines; "
                                f"at most {FUNCTION_LINES_MAX}")
    tree.finish("style.lengths", problems)


if __name__ == "__main__":
    main()

"""Every style check must be able to fail: each test plants a violation in a tree of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

STYLE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(STYLE, "..", ".."))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Tree(unittest.TestCase):
    """A temporary tree, and one check of this folder run over it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def plant(self, path, text):
        file = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)

    def assert_finds(self, check, *expected):
        result = run(sys.executable, os.path.join(STYLE, check), self.root)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for text in expected:
            self.assertIn(text, result.stdout)

    def assert_clean(self, check):
        result = run(sys.executable, os.path.join(STYLE, check), self.root)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


class Includes(Tree):
    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "layers.txt"), encoding="utf-8") as stream:
            self.plant("layers.txt", stream.read())
        self.plant("contract/offer.hpp", "")
        self.plant("contract/json/offer.hpp", '#include "contract/offer.hpp"\n')

    def test_allowed_include_passes(self):
        self.plant("device/core/engine/a.cpp", '#include "contract/offer.hpp"\n')
        self.assert_clean("check_includes.py")

    def test_json_in_the_core_is_found(self):
        self.plant("device/core/engine/a.cpp", '\n#include "contract/json/offer.hpp"\n')
        self.assert_finds("check_includes.py", "device/core/engine/a.cpp:2:",
                          "device/core may not use contract/json")

    def test_product_code_that_includes_a_test_is_found(self):
        self.plant("tests/rig.hpp", "")
        self.plant("sim/flash/a.cpp", '#include "tests/rig.hpp"\n')
        self.assert_finds("check_includes.py", "only tests may include")

    def test_include_that_is_not_from_the_root_is_found(self):
        self.plant("contract/code.hpp", '#include "offer.hpp"\n')
        self.assert_finds("check_includes.py", "no file of the tree")

    def test_folder_without_a_line_in_layers_is_found(self):
        self.plant("attic/a.hpp", '#include "contract/offer.hpp"\n')
        self.assert_finds("check_includes.py", "no line for attic/a.hpp")


class Links(unittest.TestCase):
    """ota_library() and the project in planted/."""

    def configure(self, plant):
        with tempfile.TemporaryDirectory() as build:
            return run("cmake", "-S", os.path.join(STYLE, "planted"), "-B", build,
                       f"-DCMAKE_CXX_COMPILER={os.environ.get('CXX', 'c++')}", f"-DPLANT={plant}")

    def test_allowed_links_configure(self):
        result = self.configure("")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_forbidden_link_stops_the_configuration(self):
        result = self.configure("forbidden")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("high may not use low", " ".join(result.stderr.split()))

    def test_cycle_stops_the_configuration(self):
        result = self.configure("cycle")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("ota::high is not defined yet", " ".join(result.stderr.split()))


class Freestanding(Tree):
    """scripts/check_freestanding on libraries of one source each."""

    def check(self, code):
        self.plant("a.cpp", code)
        source, thing = os.path.join(self.root, "a.cpp"), os.path.join(self.root, "a.o")
        compiled = run(os.environ.get("CXX", "c++"), "-std=c++20", "-O1", "-c", source, "-o", thing)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)
        return run(os.path.join(ROOT, "scripts", "check_freestanding"), thing)

    def test_plain_code_passes(self):
        self.assertEqual(self.check("int free_blocks(int); int f() { return free_blocks(1); }")
                         .returncode, 0)

    def test_planted_symbols_are_found(self):
        for name, code in {
                "operator new": "int* f() { return new int[7]; }",
                "operator delete": "void f(int* p) { delete p; }",
                "malloc": "#include <cstdlib>\nvoid* f() { return std::malloc(3); }",
                "__cxa_throw": "void f() { throw 1; }",
                "std::__throw_out_of_range": "#include <string_view>\nstd::string_view f("
                                             "std::string_view t) { return t.substr(3); }",
                "__cxa_guard_acquire": "int g(); int f() { static int x = g(); return x; }",
                "typeinfo": "struct A { virtual ~A(); }; struct B : A {}; bool f(A* a) "
                            "{ return dynamic_cast<B*>(a); }",
        }.items():
            with self.subTest(name):
                result = self.check(code)
                self.assertEqual(result.returncode, 1)
                self.assertIn(name, result.stderr)

    def test_missing_library_fails(self):
        script = os.path.join(ROOT, "scripts", "check_freestanding")
        self.assertNotEqual(run(script, os.path.join(self.root, "none.a")).returncode, 0)


class Texts(Tree):
    """Lengths, words, links in documents, shell."""

    def test_long_function_is_found(self):
        body = "  f();\n" * 69
        self.plant("a.cpp", "namespace x {\n\nint g(int a) {\n" + body + "}\n\n}  // namespace x\n")
        self.assert_finds("check_lengths.py", "a.cpp:3: g has 71 lines")

    def test_function_of_seventy_lines_passes(self):
        body = "  if (a) { f('{', \"{\"); }\n" * 68
        self.plant("a.cpp", "namespace x {\nstruct A {\n  int b = 0;\n};\nint g(int a) {\n" + body +
                   "}\n}  // namespace x\n")
        self.assert_clean("check_lengths.py")

    def test_long_file_is_found(self):
        self.plant("a.hpp", "\n" * 701)
        self.assert_finds("check_lengths.py", "a.hpp: 701 lines")

    @unittest.skipUnless(shutil.which("clang-format-14"), "clang-format-14 is not installed")
    def test_other_layout_and_long_line_are_found(self):
        self.plant("a.cpp", "int  f( );\n")
        self.plant("b.py", "#" + "x" * 100 + "\n")
        self.assert_finds("check_format.py", "a.cpp: run scripts/format", "b.py:1: 101 columns")

    def test_words_are_found(self):
        self.plant("a.cpp", "// TODO: later\nvoid f() { std::this_thread::sleep_for(1s); }\n")
        self.plant("b.hpp", "using namespace std;\n")
        self.plant("string_utils.hpp", "#pragma once\n")
        self.assert_finds("check_words.py", "a.cpp:1: leftover marker 'TODO'",
                          "a.cpp:2: sleep_for", "'using namespace' in a header",
                          "b.hpp: a header without #pragma once", "string_utils.hpp: ")

    def test_marker_with_an_issue_passes(self):
        self.plant("a.cpp", "// TODO(#12): when the part is sold.\n")
        self.assert_clean("check_words.py")

    def test_broken_links_are_found(self):
        self.plant("docs/a.md", "# One thing\n[b](b.md) [c](#one-thing) [d](#two) `[e](f)`\n")
        self.assert_finds("check_links.py", "a.md:2: b.md leads to no file",
                          "#two: docs/a.md has no such heading", "style.links: 2 problems")

    def test_mutant_that_does_not_fit_is_found(self):
        self.plant("device/a.cpp", "int a;\nint b;\n")
        patch = "Bug: x.\nField: y.\n--- a/device/a.cpp\n+++ b/device/a.cpp\n@@ -1,2 +1 @@\n"
        self.plant("tests/mutants/01-gone.patch", patch + " int a;\n-int c;\n")
        self.assert_finds("check_mutants.py", "01-gone.patch: does not apply")
        self.plant("tests/mutants/01-gone.patch", patch + " int a;\n-int b;\n")
        self.assert_clean("check_mutants.py")

    def test_mutant_of_a_test_is_found(self):
        self.plant("tests/a_test.cpp", "int a;\n")
        self.plant("tests/mutants/01.patch", "--- a/tests/a_test.cpp\n+++ b/tests/a_test.cpp\n"
                   "@@ -1 +0,0 @@\n-int a;\n")
        self.assert_finds("check_mutants.py", "a line 'Bug: '", "which is not the device's product")

    def test_row_of_the_hub_without_a_proof_is_found(self):
        self.plant("docs/hub.md", "| API | supported | test |\n|---|---|---|\n| a | yes | `A.B` |\n"
                   "| b | no | |\n| c | yes | |\n| d | yes | `A.Gone` |\n")
        self.plant("a_test.cpp", "TEST(A, B) {}\n")
        result = run(sys.executable, os.path.join(STYLE, "check_behaviours.py"), self.root,
                     self.root, "docs/hub.md")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertEqual(result.stdout.splitlines(), [
            "docs/hub.md:5: names no test", "docs/hub.md:6: there is no test A.Gone",
            "style.hub: 2 problems"])

    def test_script_that_does_not_parse_is_found(self):
        self.plant("scripts/run", "#!/usr/bin/env bash\nif true; then\n")
        self.assert_finds("check_shell.py", "scripts/run")


if __name__ == "__main__":
    unittest.main()

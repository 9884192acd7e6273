#!/usr/bin/python3
"""The recipes of other build systems and package managers say what CMakeLists.txt says: version, options, components.

vcpkg and Conan are played by stand-ins: what their recipes do by themselves is run, what the managers do is not.
"""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.dont_write_bytecode = True

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = SOURCE / "packaging"
_LOADER = importlib.machinery.SourceFileLoader("list_sources", str(SOURCE / "cmake" / "list_sources"))
LISTS = importlib.util.module_from_spec(importlib.util.spec_from_loader("list_sources", _LOADER))
_LOADER.exec_module(LISTS)
# What a user of the libraries chooses; other options of CMake's are for work on the project.
CHOICES = {"SDK", "CONTROLLER", "JSON", "PROTOBUF", "CAPI", "EXAMPLES", "TOOLS", "SIM", "TESTS", "TRANSPORTS", "CRYPTO"}


def text(*place):
    return SOURCE.joinpath(*place).read_text(encoding="utf-8")


def cmake_options():
    """Each DISTWORKER_ option, and its default in a build of its own."""
    top = text("CMakeLists.txt")
    found = dict(re.findall(r'^option\(DISTWORKER_(\w+) "[^"]*" (\S+)\)', top, re.MULTILINE))
    found |= dict(re.findall(r'^set\(DISTWORKER_(\w+) "([^"]*)" CACHE STRING', top, re.MULTILINE))
    return {name: {"${PROJECT_IS_TOP_LEVEL}": "ON", "${DISTWORKER_TESTS}": "OFF"}.get(value, value)
            for name, value in found.items()}


def version():
    return re.search(r"^project\(distworker VERSION (\S+)", text("CMakeLists.txt"), re.MULTILINE)[1]


class Meson(unittest.TestCase):
    def test_has_the_version(self):
        self.assertIn(f"version: '{version()}'", text("meson.build"))
        self.assertIn(f"revision = v{version()}\n", text("packaging", "distworker.wrap"))

    def test_has_the_same_options_with_the_same_defaults(self):
        self.assertLessEqual(CHOICES, set(cmake_options()))
        wanted = {name.lower(): {"ON": "true", "OFF": "false"}.get(value, f"'{value}'")
                  for name, value in cmake_options().items() if name in CHOICES}
        found = dict(re.findall(r"^option\('(\w+)',.* value: ([^,]+),", text("meson.options"), re.MULTILINE))
        found.pop("loops")  # which CMake takes as found
        self.assertEqual(found, wanted)

    def test_has_the_same_choices(self):
        choices = re.findall(r"choices: \[([^\]]*)\]", text("meson.options"))
        offered = [tuple(re.findall(r"'(\w+)'", some)) for some in choices if "libuv" not in some]
        wanted = re.findall(r"^distworker_choose\(DISTWORKER_\w+ (\w+) (\w+)\)", text("cmake", "backends.cmake"),
                            re.MULTILINE)
        self.assertEqual(offered, [(*pair, "both", "none") for pair in wanted])

    def test_builds_every_component_that_cmake_installs_from_the_same_list_of_sources(self):
        meson = text("meson.build") + text("adapters", "protobuf", "meson.build") + text("capi", "meson.build")
        for file in SOURCE.glob("*/**/CMakeLists.txt"):
            if file.relative_to(SOURCE).parts[0].startswith("build"):
                continue
            for name in re.findall(r"distworker_install\((\w+)", file.read_text(encoding="utf-8")):
                with self.subTest(name):
                    self.assertRegex(meson, rf"'{name}'[,:] |distworker_{name}'")
                if name not in {"messages", "protobuf"}:  # generated, or a single file
                    listed = LISTS.sources(file, name)
                    self.assertTrue(listed)
                    for source in listed:
                        self.assertTrue((file.parent / source).exists(), source)

    def test_builds_every_test_of_the_core_that_needs_no_build_of_cmakes(self):
        named = set(re.findall(r"distworker_test\((\w+)", text("tests", "core", "CMakeLists.txt")))
        self.assertEqual(set(re.findall(r"^  \['(\w+)',", text("tests", "core", "meson.build"), re.MULTILINE)),
                         named - {"core_allocation_test"})

    def test_finds_in_the_wrap_file_what_it_provides(self):
        provided = set(re.findall(r"distworker-(\w+)", text("packaging", "distworker.wrap").split("[provide]")[1]))
        meson = text("meson.build") + text("adapters", "protobuf", "meson.build")
        for name in provided:
            self.assertRegex(meson, rf"\['{name}', '|distworker_{name}'")


STAND_INS = """cmake_minimum_required(VERSION 3.25)
set(CURRENT_PACKAGES_DIR "{folder}")
function(vcpkg_check_features)
  cmake_parse_arguments(arg "" "OUT_FEATURE_OPTIONS" "FEATURES" ${{ARGN}})
  set(options "")
  while(arg_FEATURES)
    list(POP_FRONT arg_FEATURES feature option)
    set(value OFF)
    if(feature IN_LIST FEATURES)
      set(value ON)
    endif()
    list(APPEND options "-D${{option}}=${{value}}")
  endwhile()
  set(${{arg_OUT_FEATURE_OPTIONS}} "${{options}}" PARENT_SCOPE)
endfunction()
function(vcpkg_cmake_configure)
  cmake_parse_arguments(arg "" "SOURCE_PATH" "OPTIONS" ${{ARGN}})
  message(STATUS "SOURCE ${{arg_SOURCE_PATH}}")
  message(STATUS "OPTIONS ${{arg_OPTIONS}}")
endfunction()
foreach(name vcpkg_cmake_install vcpkg_cmake_config_fixup vcpkg_fixup_pkgconfig vcpkg_copy_tools vcpkg_install_copyright)
  cmake_language(EVAL CODE "function(${{name}})
    message(STATUS \\"CALL ${{name}} \\${{ARGN}}\\")
  endfunction()")
endforeach()
set(FEATURES {features})
include("{port}/portfile.cmake")
"""


class Vcpkg(unittest.TestCase):
    port = PACKAGING / "vcpkg" / "distworker"

    def setUp(self):
        self.manifest = json.loads((self.port / "vcpkg.json").read_text(encoding="utf-8"))

    def play(self, *features):
        """What the port gives to CMake, by name; and what it asks of vcpkg beside that."""
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder, "script.cmake")
            script.write_text(STAND_INS.format(folder=folder, port=self.port, features=" ".join(features)),
                              encoding="utf-8")
            done = subprocess.run(["cmake", "-P", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"-- SOURCE {SOURCE}\n", done.stdout)
        options = re.search("^-- OPTIONS (.*)$", done.stdout, re.MULTILINE)[1].split(";")
        return dict(option.removeprefix("-DDISTWORKER_").split("=") for option in options), done.stdout

    def test_has_the_version(self):
        self.assertEqual(self.manifest["version-semver"], version())

    def test_gives_each_feature_to_an_option_that_there_is(self):
        every = sorted(self.manifest["features"])
        options, calls = self.play(*every)
        self.assertLessEqual(set(options), set(cmake_options()))
        self.assertEqual({options[name] for name in ("SDK", "CONTROLLER", "JSON", "PROTOBUF")}, {"ON"})
        self.assertEqual((options["TRANSPORTS"], options["CRYPTO"]), ("both", "both"))
        self.assertIn("vcpkg_copy_tools TOOL_NAMES;distworker-controller", calls)
        for feature in every:
            with self.subTest(feature):
                self.assertNotEqual(self.play(*(other for other in every if other != feature))[0], options)

    def test_builds_the_worker_on_beast_and_openssl_unless_told_otherwise(self):
        options, calls = self.play(*self.manifest["default-features"])
        self.assertEqual((options["SDK"], options["TRANSPORTS"], options["CRYPTO"], options["CONTROLLER"]),
                         ("ON", "beast", "openssl", "OFF"))
        self.assertNotIn("vcpkg_copy_tools", calls)
        self.assertIn("vcpkg_cmake_config_fixup PACKAGE_NAME;distworker;CONFIG_PATH;lib/cmake/distworker", calls)

    def test_builds_the_core_alone(self):
        options, _ = self.play()
        self.assertEqual((options["SDK"], options["TRANSPORTS"], options["CRYPTO"]), ("OFF", "none", "none"))


class Recorder:
    """Stands for a generator or for CMake: keeps what it is given."""

    def __init__(self, recipe):
        self.cache_variables = recipe.recorded

    def generate(self):
        pass


def conan():
    """The recipe's class, on stand-ins for Conan's."""
    modules = {name: types.ModuleType(name) for name in (
        "conan", "conan.tools", "conan.tools.build", "conan.tools.cmake", "conan.tools.files", "conan.tools.gnu")}
    modules["conan"].ConanFile = object
    modules["conan.tools.build"].check_min_cppstd = lambda recipe, least: None
    for name in ("CMake", "CMakeDeps", "CMakeToolchain"):
        setattr(modules["conan.tools.cmake"], name, Recorder)
    modules["conan.tools.cmake"].cmake_layout = lambda recipe: None
    modules["conan.tools.gnu"].PkgConfigDeps = Recorder
    modules["conan.tools.files"].copy = lambda recipe, pattern, source, _: recipe.exported.append((pattern, source))
    recipe = PACKAGING / "conan" / "conanfile.py"
    content = {"__file__": str(recipe)}
    with mock.patch.dict(sys.modules, modules):
        exec(compile(recipe.read_text(encoding="utf-8"), recipe, "exec"), content)  # pylint: disable=exec-used
    return content["Distworker"]


class Conan(unittest.TestCase):
    def recipe(self, **chosen):
        made = conan()()
        made.options = types.SimpleNamespace(**{name: value for name, value in made.default_options.items()
                                                if name.isidentifier()} | chosen)
        made.recorded, made.exported, made.wanted = {}, [], []
        made.recipe_folder, made.export_sources_folder = str(PACKAGING / "conan"), "somewhere"
        made.requires = lambda what, **_: made.wanted.append(what.split("/")[0])
        made.tool_requires = made.requires
        return made

    def test_has_the_version(self):
        self.assertEqual(conan().version, version())

    def test_has_the_same_choices(self):
        offered = {name: value for name, value in conan().options.items() if name in ("transports", "crypto")}
        wanted = re.findall(r"^distworker_choose\(DISTWORKER_(\w+) (\w+) (\w+)\)", text("cmake", "backends.cmake"),
                            re.MULTILINE)
        self.assertEqual(offered, {name.lower(): [*pair, "both", "none"] for name, *pair in wanted})

    def test_gives_each_option_to_one_that_there_is(self):
        made = self.recipe(crypto="both", controller=True)
        made.generate()
        given = {name.removeprefix("DISTWORKER_"): value for name, value in made.recorded.items()}
        self.assertLessEqual(set(given), set(cmake_options()))
        self.assertEqual(set(conan().options) - {"shared", "fPIC"},
                         {name.lower() for name in given} - {"capi", "examples", "loops", "tools", "werror"})
        self.assertEqual((given["CRYPTO"], given["CONTROLLER"], given["SDK"]), ("both", True, True))

    def test_requires_what_is_chosen_and_no_more(self):
        for chosen, wanted in (
            ({}, {"boost", "openssl", "spdlog"}),
            ({"transports": "curl", "crypto": "botan"}, {"libcurl", "botan", "spdlog"}),
            ({"sdk": False, "transports": "none", "crypto": "none"}, set()),
            ({"controller": True, "protobuf": True},
             {"boost", "openssl", "spdlog", "nlohmann_json", "cli11", "protobuf"}),
        ):
            with self.subTest(chosen):
                made = self.recipe(**chosen)
                made.requirements()
                self.assertEqual(set(made.wanted), wanted)

    def test_exports_every_folder_that_its_build_reads(self):
        made = self.recipe()
        made.export_sources()
        folders = {pattern.split("/")[0] for pattern, _ in made.exported}
        named = re.findall(r"^ *add_subdirectory\(\"?([\w$]\S*?)\"?[ )]", text("CMakeLists.txt"), re.MULTILINE)
        read = {folder.split("/")[0] for folder in named}
        left_out = {"capi", "examples", "tools", "tests", "bench", "fuzz", "${DISTWORKER_CORE}"}
        self.assertLessEqual(read - left_out, folders)
        self.assertEqual({source for _, source in made.exported}, {SOURCE})


if __name__ == "__main__":
    unittest.main()

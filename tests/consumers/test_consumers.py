#!/usr/bin/python3
"""Programs outside the tree that use distworker, each by another door, built and run.

BUILD is a build of the project whose programs and libraries are there; it is installed for those that want that.
"""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from support import (  # noqa: E402: found by the line above
    CONSUMERS, JOBS, SOURCE, Case, add_by_task, attempt, build, configure, run)

# What a component and those that it is made of search for. Botan is found by pkg-config; CMake's own modules of OpenSSL
# and libcurl search with its help as well.
PACKAGES = {
    "libuv_loop": {"PkgConfig"}, "glib_loop": {"PkgConfig"}, "qt_loop": {"Qt6", "Threads"},
    "core": set(), "transport": set(), "host": set(), "epoll_loop": set(), "network": set(),
    "openssl": {"OpenSSL", "PkgConfig"}, "sim": {"OpenSSL", "PkgConfig"}, "curl": {"CURL", "PkgConfig"},
    "json": {"nlohmann_json"},
    "botan": {"PkgConfig"}, "botan_tls": {"PkgConfig"},
    "asio": {"Boost", "Threads"}, "beast_plain": {"Boost", "Threads"}, "asio_loop": {"Boost", "Threads"},
    "asio_ssl": {"Boost", "Threads", "OpenSSL", "PkgConfig"}, "beast": {"Boost", "Threads", "OpenSSL", "PkgConfig"},
    "beast_botan": {"Boost", "Threads", "PkgConfig"},
    "messages": {"Protobuf", "Threads"}, "protobuf": {"Protobuf", "Threads"},
    "controller": {"Boost", "Threads", "OpenSSL", "PkgConfig", "nlohmann_json", "spdlog", "fmt"},
}

# Each library as one source: seconds instead of minutes.
TOGETHER = ("-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0")

# The example in C takes arguments.
C_WORKER = 'exec "$0" "$DISTWORKER_CONTROLLER_URL" "$DISTWORKER_PROVISIONER" "$DISTWORKER_WORKER_TOKEN_FILE"'

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(components LANGUAGES CXX)
"""
ONE_COMPONENT = """
foreach(package {hidden})
  set(CMAKE_DISABLE_FIND_PACKAGE_${{package}} TRUE)
endforeach()
find_package(distworker CONFIG REQUIRED COMPONENTS {name})
file(WRITE "${{CMAKE_CURRENT_BINARY_DIR}}/main.cpp" "int main() {{}}")
add_executable(link_{name} "${{CMAKE_CURRENT_BINARY_DIR}}/main.cpp")
target_link_libraries(link_{name} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,distworker::{name}>)
"""


class Installed(Case):
    """From a prefix that has moved since the installation."""

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.place.cleanup)
        first = pathlib.Path(cls.place.name, "first")
        run("cmake", "--install", os.environ["BUILD"], "--prefix", first)
        cls.prefix = pathlib.Path(cls.place.name, "second", "place")
        shutil.copytree(first, cls.prefix, symlinks=True)
        shutil.rmtree(first)
        cls.package = next(cls.prefix.glob("lib*/**/cmake/distworker"))
        cls.controller = cls.prefix / "bin" / "distworker-controller"
        cls.c_worker = next(cls.prefix.glob("lib*/**/libdistworker_c_worker.so"))
        cls.pkg_config = {"PKG_CONFIG_PATH": str(next(cls.prefix.glob("lib*/**/pkgconfig")))}

    def components(self):
        """Those to link; the suites are to compile."""
        names = (file.name.removeprefix("distworker-").removesuffix("-targets.cmake")
                 for file in self.package.glob("*-targets.cmake"))
        return sorted(name for name in names if not name.endswith("_conformance"))

    def configure(self, source, *options):
        return configure(source, self.folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", *options)

    def test_a_worker_by_cmake(self):
        self.configure(CONSUMERS / "cmake_installed")
        build(self.folder / "build")
        said = add_by_task(self.controller, self.folder / "build" / "consumer")
        self.assertRegex(said, r"^distworker [0-9.]+, ")

    def test_a_worker_by_make_and_pkg_config(self):
        shutil.copytree(CONSUMERS / "pkg_config_make", self.folder / "consumer")
        shutil.copy(CONSUMERS / "worker.cpp", self.folder)
        run("make", cwd=self.folder / "consumer", env=self.pkg_config)
        add_by_task(self.controller, self.folder / "consumer" / "consumer")

    def test_a_worker_in_c(self):
        flags = run("pkg-config", "--cflags", "--libs", "distworker-c_worker", env=self.pkg_config).split()
        program = self.folder / "consumer"
        run("cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", SOURCE / "examples" / "c" / "main.c", "-o", program,
            *flags, f"-Wl,-rpath,{self.c_worker.parent}")
        add_by_task(self.controller, ["sh", "-c", C_WORKER, str(program)])

    def test_a_worker_in_python(self):
        program = SOURCE / "examples" / "python" / "asyncio_worker.py"
        add_by_task(self.controller, ["/usr/bin/python3", "-B", str(program), str(self.c_worker)])

    def test_a_loop_of_ones_own_by_the_guide(self):
        self.configure(CONSUMERS / "own_loop", f"-DGUIDE={SOURCE / 'tests' / 'guides'}")
        build(self.folder / "build")
        self.assertIn("PASSED", run(self.folder / "build" / "consumer"))

    def test_a_transport_of_ones_own_by_the_guide(self):
        self.configure(CONSUMERS / "own_transport", f"-DGUIDE={SOURCE / 'tests' / 'guides'}", *TOGETHER)
        build(self.folder / "build")
        self.assertIn("PASSED", run(self.folder / "build" / "consumer", "--gtest_filter=-*InFull.*"))

    def test_each_component_searches_for_its_own_packages_and_is_complete(self):
        every = set().union(*PACKAGES.values(), {"fmt", "spdlog", "CLI11", "GTest"})
        names = self.components()
        self.assertLessEqual({"core", "worker", "controller", "openssl"}, set(names))
        project = PROJECT
        for name in names:
            hidden = sorted(every - PACKAGES.get(name, every))
            (self.folder / name).mkdir()
            (self.folder / name / "CMakeLists.txt").write_text(ONE_COMPONENT.format(name=name, hidden=" ".join(hidden)),
                                                               encoding="utf-8")
            project += f"add_subdirectory({name})\n"
        (self.folder / "CMakeLists.txt").write_text(project, encoding="utf-8")
        self.configure(self.folder)
        build(self.folder / "build")

    def test_each_component_is_there_for_pkg_config_and_is_complete(self):
        main = self.folder / "main.cpp"
        main.write_text("int main() {}", encoding="utf-8")
        for name in self.components():
            with self.subTest(name):
                run("pkg-config", "--validate", f"distworker-{name}", env=self.pkg_config)
                flags = run("pkg-config", "--cflags", "--libs", f"distworker-{name}", env=self.pkg_config).split()
                whole = [f"-Wl,--whole-archive,-ldistworker_{name},--no-whole-archive" if word == f"-ldistworker_{name}"
                         else word for word in flags]
                run("g++", "-std=c++23", main, "-o", self.folder / "main", *whole)

    def test_each_public_header_compiles_with_what_its_component_says(self):
        flags = run("pkg-config", "--cflags", *(f"distworker-{name}" for name in self.components()),
                    env=self.pkg_config).split()
        headers = sorted((self.prefix / "include" / "distworker").rglob("*.hpp"))
        self.assertGreater(len(headers), 50)
        everything = self.folder / "headers.cpp"
        everything.write_text("".join(f'#include "{header}"\n' for header in headers), encoding="utf-8")
        run("g++", "-std=c++23", "-fsyntax-only", *flags, everything)

    def test_what_cannot_be_had_is_named(self):
        project = self.folder / "CMakeLists.txt"
        for asked, words in (
            ("CONFIG REQUIRED COMPONENTS pigeon", "has no component 'pigeon'"),
            ("0.2 CONFIG REQUIRED", "version: 0.1"),
            ("CONFIG REQUIRED COMPONENTS openssl", "OpenSSL"),
        ):
            with self.subTest(asked):
                project.write_text(f"{PROJECT}find_package(distworker {asked})\n", encoding="utf-8")
                code, output = attempt("cmake", "-S", self.folder, "-B", self.folder / "build", "-G", "Ninja",
                                       f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON")
                self.assertNotEqual(code, 0)
                self.assertIn(words, " ".join(output.split()))
        project.write_text(f"""{PROJECT}
            find_package(distworker CONFIG REQUIRED OPTIONAL_COMPONENTS openssl pigeon)
            find_package(distworker CONFIG REQUIRED)
            if(distworker_openssl_FOUND OR distworker_pigeon_FOUND OR NOT TARGET distworker::core)
              message(FATAL_ERROR "no")
            endif()""", encoding="utf-8")
        self.configure(self.folder, "-DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON")


class Shared(Case):
    """As shared libraries, versioned, which programs find wherever the prefix is."""

    def test_the_core_and_openssl(self):
        tree = self.folder / "tree"
        configure(SOURCE, tree, "-DBUILD_SHARED_LIBS=ON", "-DDISTWORKER_SDK=OFF", "-DDISTWORKER_TRANSPORTS=none",
                  "-DDISTWORKER_CONTROLLER=OFF", "-DDISTWORKER_EXAMPLES=OFF", "-DDISTWORKER_PROTOBUF=OFF",
                  "-DDISTWORKER_JSON=OFF", "-DCMAKE_BUILD_TYPE=None", *TOGETHER)
        build(tree)
        run("cmake", "--install", tree, "--prefix", self.folder / "first")
        prefix = self.folder / "second"
        (self.folder / "first").rename(prefix)
        self.assertIn("distworker-replay", run(prefix / "bin" / "distworker-replay", "--help"))
        library = next(prefix.glob("lib*/**/libdistworker_core.so"))
        self.assertRegex(run("readelf", "-d", library), r"soname: \[libdistworker_core\.so\.0\.1\]")

        flags = run("pkg-config", "--cflags", "--libs", "distworker-openssl",
                    env={"PKG_CONFIG_PATH": str(library.parent / "pkgconfig")}).split()
        self.assertNotIn("-lcrypto", flags)
        program = self.folder / "consumer"
        run("g++", "-std=c++23", CONSUMERS / "bare_core.cpp", "-o", program, *flags, f"-Wl,-rpath,{library.parent}")
        self.assertIn("= 42", run(program))


class Subdirectory(Case):
    """As a part of the consumer's own build."""

    def test_a_bare_core_by_fetch_content(self):
        tree = self.folder / "tree"
        configure(CONSUMERS / "cmake_subdirectory", tree, f"-DDISTWORKER={SOURCE}", *TOGETHER)
        build(tree, "consumer")
        self.assertIn("= 42", run(tree / "consumer"))


class Meson(Case):
    """By Meson: the tree itself, and as a subproject."""

    def test_the_tree_with_its_tests(self):
        tree = self.folder / "tree"
        run("meson", "setup", tree, SOURCE, "-Dtests=true", "-Dsim=true", "-Dbuildtype=plain", "-Dunity=on",
            "-Dunity_size=16", "-Doptimization=1")  # what tries everything takes minutes without it
        run("meson", "compile", "-C", tree, "-j", JOBS)
        run("meson", "test", "-C", tree, "--no-rebuild", "--print-errorlogs",
            env={"DISTWORKER_ALLOCATION_STRIDE": "5"})
        add_by_task(tree / "distworker-controller", tree / "examples" / "quickstart")
        add_by_task(tree / "distworker-controller", ["sh", "-c", C_WORKER, str(tree / "examples" / "c_worker")])
        for name in ("engine", "worker"):
            run(SOURCE / "tests" / "capi" / "exports_test", tree / "capi" / f"libdistworker_c_{name}.so", name,
                SOURCE / "capi" / "include" / "distworker.h")

        run("meson", "install", "-C", tree, "--no-rebuild", "--destdir", self.folder / "root")
        modules = next(self.folder.glob("root/**/pkgconfig"))
        names = {file.stem for file in modules.glob("*.pc")}
        self.assertLessEqual({"distworker-core", "distworker-worker", "distworker-controller"}, names)
        shutil.copytree(CONSUMERS / "pkg_config_make", self.folder / "consumer")
        shutil.copy(CONSUMERS / "worker.cpp", self.folder)
        run("make", cwd=self.folder / "consumer", env={"PKG_CONFIG_PATH": str(modules)})
        add_by_task(tree / "distworker-controller", self.folder / "consumer" / "consumer",
                    env={"LD_LIBRARY_PATH": str(modules.parent)})

    def test_a_bare_core_as_a_subproject_that_a_wrap_file_names(self):
        copy = self.folder / "copy"
        for name in run("git", "-c", f"safe.directory={SOURCE}", "-C", SOURCE, "ls-files", "-co", "--exclude-standard",
                        "*meson*", "cmake", "core", "adapters", "transports", "proto").split():
            if (SOURCE / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(SOURCE / name, copy / name)
        run("git", "init", "-q", copy)
        run("git", "-C", copy, "add", "-A")
        run("git", "-C", copy, "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "as it is")
        commit = run("git", "-C", copy, "rev-parse", "HEAD").strip()

        shutil.copy(CONSUMERS / "bare_core.cpp", self.folder)
        shutil.copytree(CONSUMERS / "meson_subproject", self.folder / "consumer")
        wrap = (SOURCE / "packaging" / "distworker.wrap").read_text(encoding="utf-8")
        wrap = re.sub("(?m)^url = .*", f"url = file://{copy}", wrap)
        wrap = re.sub("(?m)^revision = .*", f"revision = {commit}", wrap)
        (self.folder / "consumer" / "subprojects").mkdir()
        (self.folder / "consumer" / "subprojects" / "distworker.wrap").write_text(wrap, encoding="utf-8")
        run("meson", "setup", self.folder / "tree", self.folder / "consumer")
        run("meson", "compile", "-C", self.folder / "tree", "-j", JOBS)
        self.assertIn("= 42", run(self.folder / "tree" / "consumer"))


if __name__ == "__main__":
    unittest.main()

"""conan create packaging/conan: builds and packages the tree that this recipe lies in."""

import pathlib

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.gnu import PkgConfigDeps


class Distworker(ConanFile):
    name = "distworker"
    version = "0.1.0"
    license = "Apache-2.0"
    description = "Worker SDK for the distributed task system DistWorker, around a protocol core without I/O"
    topics = ("websocket", "worker", "sans-io")
    settings = "os", "compiler", "build_type", "arch"
    package_type = "library"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "sdk": [True, False],
        "transports": ["beast", "curl", "both", "none"],
        "crypto": ["openssl", "botan", "both", "none"],
        "controller": [True, False],
        "json": [True, False],
        "protobuf": [True, False],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "sdk": True,
        "transports": "beast",
        "crypto": "openssl",
        "controller": False,
        "json": False,
        "protobuf": False,
        "boost/*:header_only": True,
        "libcurl/*:with_websockets": True,
    }
    implements = ["auto_shared_fpic"]

    def _wants(self, option, choice):
        return getattr(self.options, option) in (choice, "both")

    def requirements(self):
        # Whoever links archives links what these are made of, and finds it: hence the headers.
        controller = bool(self.options.controller)
        if self._wants("transports", "beast") or controller:
            self.requires("boost/[>=1.81 <2]", transitive_headers=True)
        if self._wants("transports", "curl"):
            self.requires("libcurl/[>=8.14 <9]", transitive_headers=True)
        if self._wants("crypto", "openssl") or controller:
            self.requires("openssl/[>=3 <4]", transitive_headers=True)
        if self._wants("crypto", "botan"):
            self.requires("botan/[>=3 <4]", transitive_headers=True)
        if self.options.sdk or controller:
            self.requires("spdlog/[>=1.10 <2]", transitive_headers=True)
        if self.options.json or controller:
            self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        if controller:
            self.requires("cli11/[>=2.1 <3]")
        if self.options.protobuf:
            self.requires("protobuf/[>=3.21 <4]", transitive_headers=True)

    def build_requirements(self):
        if self.options.protobuf:
            self.tool_requires("protobuf/<host_version>")

    def validate(self):
        check_min_cppstd(self, 23)

    def layout(self):
        cmake_layout(self)

    def export_sources(self):
        root = pathlib.Path(self.recipe_folder).parents[1]
        for pattern in ("CMakeLists.txt", "LICENSE", "adapters/*", "cmake/*", "controller/*", "core/*", "proto/*", "sdk/*",
                        "sim/*", "transports/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update({
            "DISTWORKER_SDK": bool(self.options.sdk),
            "DISTWORKER_TRANSPORTS": str(self.options.transports),
            "DISTWORKER_CRYPTO": str(self.options.crypto),
            "DISTWORKER_CONTROLLER": bool(self.options.controller),
            "DISTWORKER_JSON": bool(self.options.json),
            "DISTWORKER_PROTOBUF": bool(self.options.protobuf),
            "DISTWORKER_LOOPS": "none",
            "DISTWORKER_CAPI": False,
            "DISTWORKER_EXAMPLES": False,
            "DISTWORKER_TOOLS": False,
            "DISTWORKER_WERROR": False,
        })
        toolchain.generate()
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, pathlib.Path(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        # The project's own package, with its components, is what find_package finds.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/distworker"]

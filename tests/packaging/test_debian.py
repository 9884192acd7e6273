#!/usr/bin/python3
"""Debian packages: made from the build BUILD, installed, used, removed. Takes root, and a machine without them."""

import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "consumers"))

from support import CONSUMERS, Case, add_by_task, build, configure, run  # noqa: E402: found by the line above

NAMES = ("libdistworker-dev", "distworker-tools")


def apt(*command):
    return run("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *command,
               env={"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"})


def installed():
    states = run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n").splitlines()
    return {name for name in NAMES if f"{name} installed" in states}


class Packages(Case):
    def test_are_installed_used_and_removed(self):
        self.assertEqual(installed(), set(), "remove these first: they are not of this test")
        run("cpack", "-G", "DEB", "--config", pathlib.Path(os.environ["BUILD"], "CPackConfig.cmake"), "-B", self.folder)
        files = sorted(self.folder.glob("*.deb"))
        self.assertEqual([file.name.split("_")[0] for file in files], sorted(NAMES))
        for file in files:
            self.check(file)

        self.addCleanup(lambda: installed() and apt("remove", "-y", *installed()))
        apt("install", "-y", "--no-install-recommends", "--no-remove", *files)
        self.assertEqual(installed(), set(NAMES))
        self.assertEqual(run("dpkg", "--verify", *NAMES), "")
        configure(CONSUMERS / "cmake_installed", self.folder / "build")
        build(self.folder / "build")
        add_by_task("/usr/bin/distworker-controller", self.folder / "build" / "consumer")
        self.assertIn("distworker-replay", run("/usr/bin/distworker-replay", "--help"))

        apt("remove", "-y", *NAMES)
        self.assertEqual(installed(), set())
        left = [*pathlib.Path("/usr/include").glob("distworker*"), *pathlib.Path("/usr/lib").rglob("*distworker*"),
                *pathlib.Path("/usr/bin").glob("distworker*")]
        self.assertEqual(left, [])

    def check(self, file):
        """What a package says of itself, and that it holds nothing outside /usr."""
        fields = run("dpkg-deb", "--field", file)
        self.assertIn("Version: 0.1.0", fields)
        self.assertRegex(fields, r"Depends: .*lib", "it depends on nothing")
        for line in run("dpkg-deb", "--contents", file).splitlines():
            mode, owner, *_, name = line.split(" -> ")[0].split()
            self.assertEqual(owner, "root/root")
            self.assertTrue(name.startswith("./usr/") or name == "./usr" or name == "./", name)
            if not mode.startswith("l"):  # whose mode means nothing
                self.assertNotIn("w", mode[4:], name)


if __name__ == "__main__":
    unittest.main()

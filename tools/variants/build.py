"""One build with every mistake in it, and core's tests asked which of them they notice."""

import collections
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from . import ROOT, Problem, weave

JOBS = int(os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or os.cpu_count() or 1)

# As in the release preset; without what core does not need, and without debug information.
SETTINGS = {
    "CMAKE_BUILD_TYPE": "RelWithDebInfo",
    "CMAKE_CXX_FLAGS_RELWITHDEBINFO": "-O1",
    "CMAKE_CXX_FLAGS": "-w",  # a mistake may well be what a warning warns of
    "DISTWORKER_TESTS": "ON",
    "DISTWORKER_UNITY_TESTS": "ON",
    "DISTWORKER_TEST_ROOMS": "core",
    "DISTWORKER_LOOPS": "none",
    "DISTWORKER_SDK": "OFF",
    "DISTWORKER_CAPI": "OFF",
    "DISTWORKER_CONTROLLER": "OFF",
    "DISTWORKER_EXAMPLES": "OFF",
    "DISTWORKER_TOOLS": "OFF",
}


class Test(NamedTuple):
    """One of ctest's tests, and what it did when no mistake was made."""

    name: str
    command: tuple
    environment: tuple
    seconds: float = 0
    reached: frozenset = frozenset()


class Verdict(NamedTuple):
    """What became of one mistake."""

    killer: str  # the test that noticed; empty when none did
    how: str  # "failed" or "hung"
    tests: int  # that were run, the killer included
    seconds: float


class Build:
    """The build in `folder`, of the copy of core in `folder`/core."""

    def __init__(self, folder, say=print):
        self.folder = pathlib.Path(folder)
        self.core = self.folder / "core"
        self.say = say

    def make(self):
        """Builds core's tests. Returns the numbers of the mistakes that the compiler refuses."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "build.ninja").exists():
            settings = SETTINGS | {"DISTWORKER_CORE": str(self.core)}
            self._run(
                ["cmake", "-S", str(ROOT), "-B", str(self.folder), "-G", "Ninja"]
                + [f"-D{name}={value}" for name, value in settings.items()]
            )
        # All that can be built is built: every error is seen at once.
        log = self.folder / "build.log"
        with log.open("w") as out:
            done = subprocess.run(
                ["ninja", "-C", str(self.folder), "-k", "0", "-j", str(JOBS), "tests/core/all"],
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode == 0:
            return set()
        words = log.read_text(errors="replace")
        refused = self._numbers_at("error", words) or self._numbers_at("note", words)
        if not refused:
            raise Problem(f"the build failed, and for none of the mistakes; the log is in {log}")
        return refused

    def _numbers_at(self, kind, words):
        found = set()
        for file, line in set(re.findall(rf"^(\S+):(\d+):\d+: (?:fatal )?{kind}:", words, re.MULTILINE)):
            path = (self.folder / file).resolve()
            if self.core.resolve() in path.parents:
                found |= weave.numbers_near(path.read_text(encoding="latin-1"), int(line))
        return found

    def _run(self, command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Problem(f"this failed: {' '.join(command)}\n{done.stdout}")
        return done.stdout

    def load_tests(self):
        """Runs every test without a mistake. They must pass; each then knows which mistakes it comes by."""
        listed = json.loads(self._run(["ctest", "--test-dir", str(self.folder), "--show-only=json-v1"]))
        tests = []
        for test in listed["tests"]:
            properties = {p["name"]: p["value"] for p in test.get("properties", [])}
            # What is no test of what core does, such as the scan of its symbols, runs another program.
            if test.get("command") and str(self.folder / "tests") in test["command"][0]:
                tests.append(
                    Test(test["name"], tuple(test["command"]), tuple(properties.get("ENVIRONMENT", ())))
                )
        if not tests:
            raise Problem(f"there are no tests in {self.folder}")
        begin = time.monotonic()
        with ThreadPoolExecutor(JOBS) as pool:
            self.tests = sorted(pool.map(self._measure, tests), key=lambda t: t.seconds)
        self.reaching = collections.defaultdict(list)
        for test in self.tests:
            for number in test.reached:
                self.reaching[number].append(test)
        self.say(f"{len(self.tests)} tests pass without a mistake: {time.monotonic() - begin:.0f} s")

    def _measure(self, test):
        with tempfile.NamedTemporaryFile("r", prefix="reached-") as reached:
            begin = time.monotonic()
            failure = self._failure(test, {"DISTWORKER_VARIANTS_REACHED": reached.name}, 300)
            seconds = time.monotonic() - begin
            if failure:
                raise Problem(f"{test.name} {failure} without a mistake")
            return test._replace(seconds=seconds, reached=frozenset(int(n) for n in reached))

    def _failure(self, test, environment, limit):
        """Nothing, "failed" or "hung": more than `limit` seconds of the processor's time, however busy that is."""
        own = dict(setting.split("=", 1) for setting in test.environment)
        # The same draws each time: a verdict does not depend on luck.
        own["RC_PARAMS"] = (own.get("RC_PARAMS", "") + " seed=1").strip()
        own["DISTWORKER_ALLOCATION_STRIDE"] = "5"  # as tools/test has it
        done = subprocess.run(
            ["prlimit", f"--cpu={math.ceil(limit)}", *test.command],
            env=os.environ | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "hung"
        return "failed" if done.returncode != 0 else ""

    def judge(self, number):
        """Runs the tests that come by a mistake, the quickest first, until one notices."""
        begin = time.monotonic()
        tests = self.reaching[number]
        for ran, test in enumerate(tests, 1):
            # The tests of core wait for nothing: one that hangs is a loop that never ends.
            how = self._failure(test, {"DISTWORKER_VARIANT": str(number)}, 5 + 10 * test.seconds)
            if how:
                return Verdict(test.name, how, ran, time.monotonic() - begin)
        return Verdict("", "", len(tests), time.monotonic() - begin)

    def judge_all(self, numbers):
        """Yields each number with its verdict, as they come."""
        with ThreadPoolExecutor(JOBS) as pool:
            yield from zip(numbers, pool.map(self.judge, numbers))

"""What the tests of consumers share: running commands, and a task done by a worker that is a program."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CONSUMERS = SOURCE / "tests" / "consumers"
JOBS = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count()))


def run(*command, cwd=None, env=None):
    """What a command says, on both of its streams; it has to succeed."""
    code, output = attempt(*command, cwd=cwd, env=env)
    if code != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {code}:\n{output}")
    return output


def attempt(*command, cwd=None, env=None):
    """The exit code of a command, and what it says."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **(env or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def configure(source, build, *options, env=None):
    return run("cmake", "-G", "Ninja", "-S", source, "-B", build, *options, env=env)


def build(folder, *targets):
    return run("cmake", "--build", folder, "-j", JOBS, *(["--target", *targets] if targets else []))


def add_by_task(controller, worker, env=None):
    """What the worker says while it adds two numbers for the controller; both are programs, or a list of words."""
    with tempfile.TemporaryDirectory() as folder:
        token = pathlib.Path(folder, "token")
        token.touch(mode=0o600)
        token.write_text("token-of-a-test\n", encoding="utf-8")
        serve = [controller, "--api-port", "0", "--worker-port", "0", "--provisioner", f"test:@{token}:math.add"]
        with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**os.environ, **(env or {})}) as server:
            try:
                ports = dict(server.stdout.readline().split() for _ in range(2))
                settings = {"DISTWORKER_CONTROLLER_URL": ports["worker"], "DISTWORKER_PROVISIONER": "test",
                            "DISTWORKER_WORKER_TOKEN_FILE": str(token)}
                return _add(ports["api"], worker, {**os.environ, **(env or {}), **settings})
            finally:
                server.terminate()


def _add(api, worker, env):
    words = worker if isinstance(worker, list) else [worker]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as program:
        try:
            task = json.dumps({"queue": "math.add", "input": {"a": 19, "b": 23}}).encode()
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with direct.open(f"{api}/api/v1/tasks?wait=60000", data=task, timeout=90) as answer:
                result = json.load(answer)
        finally:
            program.terminate()
            said = program.communicate()[0]
    if result.get("result", {}).get("result") != 42 or program.returncode != 0:
        raise AssertionError(f"the worker ended with {program.returncode}, the task as {result}:\n{said}")
    return said


class Case(unittest.TestCase):
    """With a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
